// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hwprof_test {

/// Bytes of an ELF file, little-endian.
class Image {
 public:
  Image& put(std::uint64_t value, int bytes = 4) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>((value >> (8 * i)) & 0xff);
    return *this;
  }
  Image& put_all(const std::vector<std::uint32_t>& values) {
    for (const auto value : values) put(value);
    return *this;
  }
  Image& text(const std::string& text) {
    bytes_ += text;
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Texts that end in a zero, which others mean by where they begin.
class Texts {
 public:
  std::uint32_t operator()(const std::string& text) {
    const auto at = static_cast<std::uint32_t>(bytes_.size());
    bytes_.append(text).push_back('\0');
    return at;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// A file of these sections, by name.
inline std::string elf_file(const std::vector<std::pair<std::string, std::string>>& sections) {
  std::string table(1, '\0');
  std::string body;
  constexpr std::uint64_t first = 64;
  Image headers;
  headers.text(std::string(64, '\0'));
  const auto add = [&](const std::string& title, const std::string& content, std::uint32_t type) {
    const auto name_at = static_cast<std::uint32_t>(table.size());
    table += title;
    table += '\0';
    headers.put(name_at).put(type).put(0, 8).put(0, 8).put(first + body.size(), 8);
    headers.put(content.size(), 8).put(0).put(0).put(1, 8).put(0, 8);
    body += content;
  };
  for (const auto& [title, content] : sections) add(title, content, 1);
  add(".shstrtab", table + ".shstrtab" + std::string(1, '\0'), 3);
  Image head;
  head.text(
          "\x7f"
          "ELF")
      .put(2, 1)
      .put(1, 1)
      .put(1, 1)
      .put(0, 1)
      .put(0, 8);
  head.put(1, 2).put(183, 2).put(1).put(0, 8).put(0, 8).put(first + body.size(), 8);
  head.put(0).put(64, 2).put(0, 2).put(0, 2).put(64, 2).put(sections.size() + 2, 2).put(sections.size() + 1, 2);
  return head.bytes() + body + headers.bytes();
}

/// A kernel "net" of two convolutions, as vai_c lays its sections out.
inline std::string elf_image() {
  Texts name;
  const auto arch = name("dpuv2");
  const auto compiler = name("VAI_C");
  const auto t0 = name("data");
  const auto t1 = name("conv_1");
  const auto t2 = name("conv_2");
  const auto code = name("code");
  const auto weights = name("conv_1_weights");
  const auto bias = name("conv_1_bias");
  const std::uint32_t minus_two = 0xfffffffe;

  const std::vector<std::pair<std::string, std::string>> sections = {
      {".deephi.strtab.net", name.bytes()},
      {".deephi.metadata.net",
       Image().put_all({arch, compiler, 1, 2, 52, 4096, 128, 128, 128, 0x20001, 0, 0, 0}).bytes()},
      {".deephi.tensor.net", Image()
                                 .put_all({2, 32, 32, 3, 0, 3072, 8, 5, 3, t0, 0, 0, 0})
                                 .put_all({1, 16, 16, 16, 0, 4096, 8, minus_two, 16, t1, 0, 0, 0})
                                 .put_all({4, 16, 16, 8, 0, 2048, 8, 3, 8, t2, 0, 0, 0})
                                 .bytes()},
      {".deephi.node.net",
       Image()
           .put_all({1, t1})
           .put(884736, 8)
           .put_all({1, 0x00020001})                              // registers
           .put_all({1, 0})                                       // inputs
           .put_all({1, 1})                                       // outputs
           .put_all({1, 0, 100, code, 16})                        // code
           .put_all({2, 0, 432, 8, 7, weights, 16, 3, 3, 3, 16})  // parameters
           .put_all({432, 16, 8, 7, bias, 16, 1, 1, 1, 16})
           .put_all({0})     // before
           .put_all({1, 1})  // after
           .put_all({1, t2})
           .put(65536, 8)
           .put_all({0, 1, 1, 1, 2, 1, 100, 60, code, 16, 0, 1, 0, 0})
           .bytes()}};
  return elf_file(sections);
}

}  // namespace hwprof_test
