// SPDX-License-Identifier: Apache-2.0
#include "format/onnx_scan.hpp"

#include <cstdint>

#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

/// Messages of onnx.proto, by what they may hold.
enum class Message { model, graph, node, attribute, tensor, value, type, tensor_type, shape, annotation, leaf, none };

struct Child {
  Message message = Message::none;
  const char* refused = nullptr;
};

Child child_of(Message parent, std::uint64_t field) {
  switch (parent) {
    case Message::model:
      if (field == 7) return {Message::graph};
      if (field == 8 || field == 14) return {Message::leaf};
      if (field == 20) return {Message::none, "training information"};
      if (field == 25) return {Message::none, "functions"};
      break;
    case Message::graph:
      if (field == 1) return {Message::node};
      if (field == 5) return {Message::tensor};
      if (field == 11 || field == 12 || field == 13) return {Message::value};
      if (field == 14) return {Message::annotation};
      if (field == 15) return {Message::none, "sparse tensors"};
      break;
    case Message::node:
      if (field == 5) return {Message::attribute};
      break;
    case Message::attribute:
      if (field == 5 || field == 10) return {Message::tensor};
      if (field == 6 || field == 11) return {Message::none, "graphs in nodes (If, Loop, Scan)"};
      if (field == 14 || field == 15) return {Message::none, "types as attributes"};
      if (field == 22 || field == 23) return {Message::none, "sparse tensors"};
      break;
    case Message::tensor:
      if (field == 3 || field == 13) return {Message::leaf};
      break;
    case Message::value:
      if (field == 2) return {Message::type};
      break;
    case Message::type:
      if (field == 1) return {Message::tensor_type};
      if (field == 4 || field == 5 || field == 8 || field == 9)
        return {Message::none, "values that are no tensors (sequences, maps, optional ones)"};
      break;
    case Message::tensor_type:
      if (field == 2) return {Message::shape};
      break;
    case Message::shape:
    case Message::annotation:
      if (field == 1 || field == 2) return {Message::leaf};
      break;
    case Message::leaf:
    case Message::none:
      break;
  }
  return {};
}

/// Numbers that may come one by one, and take less memory than room in the file.
bool is_number_list(Message message, std::uint64_t field) {
  if (message == Message::attribute) return field == 7 || field == 8;
  if (message != Message::tensor) return false;
  return field == 1 || field == 4 || field == 5 || field == 7 || field == 10 || field == 11;
}

class Scanner {
 public:
  Scanner(std::string_view bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  void walk(Message message, std::size_t end) {
    constexpr std::size_t most_parts = 2'000'000;
    while (at_ < end) {
      const std::size_t begin = at_;
      const std::uint64_t tag = varint(end);
      const std::uint64_t field = tag >> 3;
      if (field == 0) fail(begin, "is no protobuf message");
      if (!is_number_list(message, field) && ++parts_ > most_parts)
        fail(begin, "has more than " + std::to_string(most_parts) + " parts");
      switch (tag & 7U) {
        case 0:
          (void)varint(end);
          break;
        case 1:
          skip(8, end);
          break;
        case 2:
          nested(child_of(message, field), end);
          break;
        case 5:
          skip(4, end);
          break;
        default:
          fail(begin, "is no protobuf message");
      }
    }
  }

 private:
  void nested(const Child& child, std::size_t end) {
    const std::size_t begin = at_;
    const std::uint64_t size = varint(end);
    if (size > end - at_)
      fail(begin, "ends within a part of " + std::to_string(size) + " bytes; it is cut short or damaged");
    if (child.refused != nullptr)
      throw Error(Fault::unsupported, source_ + ": has " + child.refused + ", which hwprof does not read");
    const std::size_t child_end = at_ + static_cast<std::size_t>(size);
    if (child.message != Message::none) walk(child.message, child_end);
    at_ = child_end;
  }

  std::uint64_t varint(std::size_t end) {
    constexpr unsigned most_bits = 64;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < most_bits; shift += 7) {
      if (at_ >= end) fail(at_, "ends within a number; it is cut short or damaged");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    fail(at_, "is no protobuf message");
  }

  void skip(std::size_t count, std::size_t end) {
    if (count > end - at_) fail(at_, "ends within a number; it is cut short or damaged");
    at_ += count;
  }

  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw Error(Fault::input, source_ + ": byte " + std::to_string(at) + ": the ONNX file " + what);
  }

  std::string_view bytes_;
  const std::string& source_;
  std::size_t at_ = 0, parts_ = 0;
};

}  // namespace

void scan_onnx(std::string_view bytes, const std::string& source) {
  Scanner(bytes, source).walk(Message::model, bytes.size());
}

}  // namespace hwprof::format
