// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hwprof::format {

/// What a length-delimited field of a message is: a message to walk into, one that is refused, or neither.
struct ProtoChild {
  int message = -1;               ///< -1: bytes
  const char* refused = nullptr;  ///< what hwprof does not read
};

/// A format of protobuf messages; message 0 is the whole file.
struct ProtoFormat {
  const char* name;  ///< "ONNX file"
  ProtoChild (*child)(int message, std::uint64_t field);
  /// Numbers that may come one by one, and take less memory than room in the file.
  bool (*is_number_list)(int message, std::uint64_t field);
};

/// Walks through the bytes of a file without building anything, because protobuf would make a hundred bytes of memory
/// from two of a hostile file, and because its own errors have no place.
/// @throws Error(Fault::input) with the offset, for a message that is cut short or has absurdly many parts;
/// Error(Fault::unsupported) for what the format refuses.
void scan_proto(const ProtoFormat& format, std::string_view bytes, const std::string& source);

}  // namespace hwprof::format
