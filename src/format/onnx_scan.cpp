// SPDX-License-Identifier: Apache-2.0
#include "format/onnx_scan.hpp"

#include "format/proto_scan.hpp"

namespace hwprof::format {
namespace {

/// Messages of onnx.proto, by what they may hold.
enum class Message { model, graph, node, attribute, tensor, value, type, tensor_type, shape, annotation, leaf };

constexpr int as_int(Message message) {
  return static_cast<int>(message);
}

ProtoChild child_of(int parent, std::uint64_t field) {
  switch (static_cast<Message>(parent)) {
    case Message::model:
      if (field == 7) return {as_int(Message::graph), nullptr};
      if (field == 8 || field == 14) return {as_int(Message::leaf), nullptr};
      if (field == 20) return {-1, "training information"};
      if (field == 25) return {-1, "functions"};
      break;
    case Message::graph:
      if (field == 1) return {as_int(Message::node), nullptr};
      if (field == 5) return {as_int(Message::tensor), nullptr};
      if (field == 11 || field == 12 || field == 13) return {as_int(Message::value), nullptr};
      if (field == 14) return {as_int(Message::annotation), nullptr};
      if (field == 15) return {-1, "sparse tensors"};
      break;
    case Message::node:
      if (field == 5) return {as_int(Message::attribute), nullptr};
      break;
    case Message::attribute:
      if (field == 5 || field == 10) return {as_int(Message::tensor), nullptr};
      if (field == 6 || field == 11) return {-1, "graphs in nodes (If, Loop, Scan)"};
      if (field == 14 || field == 15) return {-1, "types as attributes"};
      if (field == 22 || field == 23) return {-1, "sparse tensors"};
      break;
    case Message::tensor:
      if (field == 3 || field == 13) return {as_int(Message::leaf), nullptr};
      break;
    case Message::value:
      if (field == 2) return {as_int(Message::type), nullptr};
      break;
    case Message::type:
      if (field == 1) return {as_int(Message::tensor_type), nullptr};
      if (field == 4 || field == 5 || field == 8 || field == 9)
        return {-1, "values that are no tensors (sequences, maps, optional ones)"};
      break;
    case Message::tensor_type:
      if (field == 2) return {as_int(Message::shape), nullptr};
      break;
    case Message::shape:
    case Message::annotation:
      if (field == 1 || field == 2) return {as_int(Message::leaf), nullptr};
      break;
    case Message::leaf:
      break;
  }
  return {};
}

bool is_number_list(int message, std::uint64_t field) {
  if (message == as_int(Message::attribute)) return field == 7 || field == 8;
  if (message != as_int(Message::tensor)) return false;
  return field == 1 || field == 4 || field == 5 || field == 7 || field == 10 || field == 11;
}

constexpr ProtoFormat onnx_format{"ONNX file", child_of, is_number_list};

}  // namespace

void scan_onnx(std::string_view bytes, const std::string& source) {
  scan_proto(onnx_format, bytes, source);
}

}  // namespace hwprof::format
