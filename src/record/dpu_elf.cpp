// SPDX-License-Identifier: Apache-2.0
// DPU kernels inside an ELF file: little-endian, 64 bit, one set of .deephi.<what>.<kernel> sections per kernel. Every
// offset, size, count and index is checked before it is used, and nothing is kept that the file has no bytes for.
#include <algorithm>
#include <array>
#include <map>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/device_log.hpp"

namespace hwprof {
namespace {

constexpr std::size_t most_kernels = 4096;

/// Bytes that know where they are from.
class Bytes {
 public:
  Bytes(std::string_view bytes, std::string place) : bytes_(bytes), place_(std::move(place)) {}

  [[noreturn]] void fail(const std::string& what) const { throw Error(Fault::input, place_ + ": " + what); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }

  [[nodiscard]] Bytes slice(std::uint64_t offset, std::uint64_t length, const std::string& place) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset)
      fail(place + " from byte " + std::to_string(offset) + " with " + std::to_string(length) +
           " bytes leads out of the file of " + std::to_string(bytes_.size()));
    return {bytes_.substr(offset, length), place_ + ", " + place};
  }

  std::uint64_t take(std::size_t bytes) {
    if (left() < bytes) fail("ends at byte " + std::to_string(bytes_.size()) + " within a number");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
    at_ += bytes;
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(take(4)); }
  void skip(std::size_t bytes) {
    if (left() < bytes) fail("ends at byte " + std::to_string(bytes_.size()) + " within a list");
    at_ += bytes;
  }
  void seek(std::size_t at) {
    at_ = 0;
    skip(at);
  }

  /// The text that begins at an offset and ends with a zero.
  [[nodiscard]] std::string text(std::uint64_t offset) const {
    if (offset >= bytes_.size()) fail("no text at byte " + std::to_string(offset));
    const auto end = bytes_.find('\0', offset);
    if (end == std::string_view::npos) fail("the text at byte " + std::to_string(offset) + " has no end");
    if (end - offset > 65536) fail("the text at byte " + std::to_string(offset) + " is longer than 65536 bytes");
    return std::string(bytes_.substr(offset, end - offset));
  }

 private:
  std::string_view bytes_;
  std::string place_;
  std::size_t at_ = 0;
};

using Sections = std::map<std::string, Bytes>;  ///< of one kernel, by what they hold

/// Sections named .deephi.<what>.<kernel>.
std::map<std::string, Sections> find_sections(const Bytes& file) {
  Bytes header = file;
  if (header.size() < 64) file.fail("is too short for an ELF file");
  header.seek(4);
  if (header.take(1) != 2 || header.take(1) != 1) file.fail("a little-endian ELF file of 64 bit is expected");
  header.seek(0x28);
  const std::uint64_t table = header.take(8);
  header.seek(0x3a);
  const std::uint64_t entry = header.take(2);
  const std::uint64_t count = header.take(2);
  const std::uint64_t names = header.take(2);
  if (count == 0) file.fail("has no sections");
  if (entry < 64) file.fail("section headers of " + std::to_string(entry) + " bytes, 64 are expected");
  if (names >= count)
    file.fail("section " + std::to_string(names) + " of names is not one of " + std::to_string(count));
  const Bytes headers = file.slice(table, entry * count, "section headers");
  struct Section {
    std::uint64_t name = 0, type = 0, offset = 0, size = 0;
  };
  const auto section = [&](std::uint64_t i) {
    Bytes one = headers.slice(i * entry, entry, "section " + std::to_string(i));
    Section out;
    out.name = one.u32();
    out.type = one.u32();
    one.seek(0x18);
    out.offset = one.take(8);
    out.size = one.take(8);
    return out;
  };
  const Section of_names = section(names);
  const Bytes texts = file.slice(of_names.offset, of_names.size, "section names");
  std::map<std::string, Sections> kernels;
  constexpr std::uint64_t without_bytes = 8;  // SHT_NOBITS
  for (std::uint64_t i = 1; i < count; ++i) {
    const Section at = section(i);
    if (at.type == without_bytes) continue;
    const std::string name = texts.text(at.name);
    const std::string prefix = ".deephi.";
    if (!base::starts_with(name, prefix)) continue;
    const auto dot = name.find('.', prefix.size());
    if (dot == std::string::npos) continue;
    if (kernels.size() >= most_kernels) file.fail("more than " + std::to_string(most_kernels) + " kernels");
    kernels[name.substr(dot + 1)].emplace(name.substr(prefix.size(), dot - prefix.size()),
                                          file.slice(at.offset, at.size, name));
  }
  return kernels;
}

class KernelReader {
 public:
  KernelReader(const std::string& name, const Sections& sections, const Bytes& file)
      : sections_(sections), file_(file), texts_(find("strtab", name)) {
    kernel_.name = name;
  }

  DpuKernel read() {
    Bytes metadata = find("metadata", kernel_.name);
    std::array<std::uint32_t, 6> head{};
    for (auto& value : head) value = metadata.u32();
    kernel_.arch = texts_.text(head[0]);
    kernel_.compiler = texts_.text(head[1]);
    kernel_.debug = head[2] == 1;
    kernel_.io_bytes = head[5];
    read_tensors(head[4]);
    read_nodes(head[3]);
    return std::move(kernel_);
  }

 private:
  [[nodiscard]] Bytes find(const char* what, const std::string& name) const {
    const auto found = sections_.find(what);
    if (found == sections_.end()) file_.fail("kernel " + base::in_quotes(name) + " has no section " + what);
    return found->second;
  }

  void read_tensors(std::uint32_t bytes) {
    Bytes section = find("tensor", kernel_.name);
    constexpr std::uint32_t known = 13 * 4;
    if (bytes < known || bytes > 4096) section.fail("tensors of " + std::to_string(bytes) + " bytes, 52 are expected");
    if (section.size() % bytes != 0) section.fail("is no whole number of tensors");
    for (std::size_t i = 0; i < section.size() / bytes; ++i) {
      section.seek(i * bytes);
      DpuTensor tensor;
      const std::uint32_t attribute = section.u32();
      tensor.input = (attribute & 2U) != 0;
      tensor.output = (attribute & 4U) != 0;
      tensor.height = section.u32();
      tensor.width = section.u32();
      tensor.channels = section.u32();
      (void)section.u32();  // offset
      tensor.bytes = section.u32();
      tensor.bits = section.u32();
      tensor.fix_position = static_cast<std::int32_t>(section.u32());
      (void)section.u32();  // channel stride
      tensor.name = texts_.text(section.u32());
      kernel_.tensors.push_back(std::move(tensor));
    }
  }

  /// A list's length, which must leave room for its items.
  static std::uint32_t length(Bytes& section, std::size_t item_bytes) {
    const std::uint32_t count = section.u32();
    if (count > section.left() / item_bytes)
      section.fail("a list of " + std::to_string(count) + " items of " + std::to_string(item_bytes) + " bytes where " +
                   std::to_string(section.left()) + " bytes are left");
    return count;
  }

  std::vector<std::uint32_t> tensors(Bytes& section) const {
    std::vector<std::uint32_t> out(length(section, 4));
    for (auto& index : out) {
      index = section.u32();
      if (index >= kernel_.tensors.size())
        section.fail("tensor " + std::to_string(index) + " is not one of " + std::to_string(kernel_.tensors.size()));
    }
    return out;
  }

  void read_nodes(std::uint32_t expected) {
    Bytes section = find("node", kernel_.name);
    while (section.left() > 0) {
      if (kernel_.nodes.size() >= expected)
        section.fail("more nodes than the " + std::to_string(expected) + " announced");
      DpuNode node;
      node.on_cpu = section.u32() == 0x80;
      node.name = texts_.text(section.u32());
      node.operations = static_cast<double>(section.take(8));
      section.skip(length(section, 4) * std::size_t{4});  // registers
      node.inputs = tensors(section);
      node.outputs = tensors(section);
      for (std::uint32_t n = length(section, 16); n > 0; --n) {
        (void)section.u32();  // offset
        node.code_bytes += section.u32();
        section.skip(8);
      }
      for (std::uint32_t n = length(section, 40); n > 0; --n) {
        (void)section.u32();
        const std::uint32_t size = section.u32();
        section.skip(8);
        const std::string name = base::lower_case(texts_.text(section.u32()));
        section.skip(20);
        node.parameter_bytes += size;
        if (name.find("weight") != std::string::npos) node.weight_bytes += size;
      }
      section.skip(length(section, 4) * std::size_t{4});  // predecessors
      section.skip(length(section, 4) * std::size_t{4});  // successors
      kernel_.nodes.push_back(std::move(node));
    }
    if (kernel_.nodes.size() != expected)
      section.fail(std::to_string(kernel_.nodes.size()) + " nodes, " + std::to_string(expected) + " are announced");
  }

  const Sections& sections_;
  const Bytes& file_;
  Bytes texts_;
  DpuKernel kernel_;
};

}  // namespace

double DpuKernel::moved_bytes(const DpuNode& node) const {
  double bytes = node.code_bytes + node.parameter_bytes;
  const auto add = [&](const std::vector<std::uint32_t>& indices) {
    for (const auto index : indices) {
      const DpuTensor& tensor = tensors.at(index);
      bytes += static_cast<double>(tensor.height) * tensor.width * tensor.channels;
    }
  };
  add(node.inputs);
  add(node.outputs);
  return bytes;
}

std::vector<DpuKernel> record::parse_elf(std::string_view bytes, const std::string& source) {
  const Bytes file(bytes, source);
  if (!base::starts_with(bytes,
                         "\x7f"
                         "ELF"))
    file.fail("is no ELF file");
  std::vector<DpuKernel> kernels;
  for (const auto& [name, sections] : find_sections(file)) kernels.push_back(KernelReader(name, sections, file).read());
  if (kernels.empty()) file.fail("holds no DPU kernel (no sections .deephi.*)");
  return kernels;
}

std::vector<DpuKernel> load_dpu_elf(const std::string& file) {
  return record::parse_elf(base::read_file(file, std::uint64_t{1} << 30), file);
}

}  // namespace hwprof
