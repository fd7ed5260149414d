// SPDX-License-Identifier: Apache-2.0
#include "format/proto_scan.hpp"

#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

class Scanner {
 public:
  Scanner(const ProtoFormat& format, std::string_view bytes, const std::string& source)
      : format_(format), bytes_(bytes), source_(source) {}

  void walk(int message, std::size_t end) {
    constexpr std::size_t most_parts = 2'000'000;
    while (at_ < end) {
      const std::size_t begin = at_;
      const std::uint64_t tag = varint(end);
      const std::uint64_t field = tag >> 3;
      if (field == 0) fail(begin, "is no protobuf message");
      if (!format_.is_number_list(message, field) && ++parts_ > most_parts)
        fail(begin, "has more than " + std::to_string(most_parts) + " parts");
      switch (tag & 7U) {
        case 0:
          (void)varint(end);
          break;
        case 1:
          skip(8, end);
          break;
        case 2:
          nested(format_.child(message, field), end);
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
  void nested(const ProtoChild& child, std::size_t end) {
    const std::size_t begin = at_;
    const std::uint64_t size = varint(end);
    if (size > end - at_)
      fail(begin, "ends within a part of " + std::to_string(size) + " bytes; it is cut short or damaged");
    if (child.refused != nullptr)
      throw Error(Fault::unsupported, source_ + ": has " + child.refused + ", which hwprof does not read");
    const std::size_t child_end = at_ + static_cast<std::size_t>(size);
    if (child.message >= 0) walk(child.message, child_end);
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
    throw Error(Fault::input, source_ + ": byte " + std::to_string(at) + ": the " + format_.name + " " + what);
  }

  const ProtoFormat& format_;
  std::string_view bytes_;
  const std::string& source_;
  std::size_t at_ = 0, parts_ = 0;
};

}  // namespace

void scan_proto(const ProtoFormat& format, std::string_view bytes, const std::string& source) {
  Scanner(format, bytes, source).walk(0, bytes.size());
}

}  // namespace hwprof::format
