// SPDX-License-Identifier: Apache-2.0
#include "format/caffe_proto.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/text.hpp"
#include "format/proto_scan.hpp"
#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

constexpr int most_depth = 32;

/// Fields that only training, memory or the choice of a library reads.
const std::set<std::string> harmless = {"param",
                                        "lr_mult",
                                        "decay_mult",
                                        "weight_filler",
                                        "bias_filler",
                                        "filler",
                                        "scale_filler",
                                        "engine",
                                        "phase",
                                        "loss_weight",
                                        "propagate_down",
                                        "force_backward",
                                        "state",
                                        "debug_info",
                                        "moving_average_fraction",
                                        "loss_param",
                                        "accuracy_param",
                                        "data_param",
                                        "memory_data_param",
                                        "hdf5_data_param",
                                        "force_nd_im2col",
                                        "stable_prod_grad",
                                        "scale_train",
                                        "mean_file",
                                        "rand_skip",
                                        "mirror",
                                        "force_color",
                                        "force_gray",
                                        "scale",
                                        "copyright",
                                        "sigmoid_param",
                                        "tanh_param",
                                        "crop_size"};

/// The first error, and the unknown fields, of a text.
class Collector : public google::protobuf::io::ErrorCollector {
 public:
  explicit Collector(const std::string& source) : source_(source) {}

  void AddError(int line, int column, const std::string& message) override {
    if (error_.empty()) error_ = place(line, column) + message;
  }
  void AddWarning(int line, int column, const std::string& message) override {
    const std::string prefix = "has no field named \"";
    const auto at = message.find(prefix);
    if (at == std::string::npos) return;
    const auto begin = at + prefix.size();
    const std::string field = message.substr(begin, message.find('"', begin) - begin);
    if (unknown_.empty() && harmless.count(field) == 0)
      unknown_ = place(line, column) + "the field " + base::in_quotes(field) + " is not read";
  }
  void check_parsed(bool parsed) const {
    if (!parsed || !error_.empty()) throw Error(Fault::input, error_.empty() ? source_ + ": is no prototxt" : error_);
  }
  void check_known() const {
    if (!unknown_.empty()) throw Error(Fault::unsupported, unknown_);
  }

 private:
  [[nodiscard]] std::string place(int line, int column) const {
    return source_ + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": ";
  }
  const std::string& source_;
  std::string error_, unknown_;
};

/// Lengths, parts, and depth: protobuf skips unknown fields to any depth, one call of a function each.
void check_size(std::string_view text, const std::string& source) {
  constexpr std::size_t most_bytes = 16 << 20;
  constexpr std::size_t most_parts = 300'000;
  if (text.size() > most_bytes)
    throw Error(Fault::input, source + ": has " + std::to_string(text.size()) + " bytes; a prototxt has no weights " +
                                  "and is read up to 16 MB");
  std::size_t parts = 0;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '"' || c == '\'') {
      for (++at; at < text.size() && text[at] != c && text[at] != '\n'; ++at)
        if (text[at] == '\\') ++at;
    } else if (c == '{' || c == '<' || c == '[') {
      if (++parts > most_parts)
        throw Error(Fault::input, source + ": has more than " + std::to_string(most_parts) + " parts");
      if (++depth > most_depth)
        throw Error(Fault::input, source + ": is nested more than " + std::to_string(most_depth) + " deep");
    } else if (c == '}' || c == '>' || c == ']') {
      --depth;
    }
  }
}

template <typename Message>
Message parse_text(std::string_view text, const std::string& source, Collector& collector) {
  check_size(text, source);
  Message message;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(most_depth);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  const bool parsed = parser.Parse(&stream, &message);
  collector.check_parsed(parsed);
  return message;
}

enum class Message { net, layer, blob, shaped, leaf };

ProtoChild child_of(int parent, std::uint64_t field) {
  constexpr std::uint64_t first_param = 100;
  const auto to = [](Message message) { return ProtoChild{static_cast<int>(message), nullptr}; };
  switch (static_cast<Message>(parent)) {
    case Message::net:
      if (field == 2)
        return {-1, "layers in Caffe's old form (V1; its tools upgrade_net_proto_text and _binary convert them)"};
      if (field == 8) return to(Message::leaf);
      if (field == 100) return to(Message::layer);
      break;
    case Message::layer:
      if (field == 7) return to(Message::blob);
      if (field == 8 || field == 9) return to(Message::leaf);
      if (field == 133 || field == 143) return to(Message::shaped);
      if (field >= first_param) return to(Message::leaf);
      break;
    case Message::blob:
      if (field == 7) return to(Message::leaf);
      break;
    case Message::shaped:
      if (field == 1) return to(Message::leaf);
      break;
    case Message::leaf:
      break;
  }
  return {};
}

bool is_number_list(int message, std::uint64_t field) {
  return message == static_cast<int>(Message::blob) && (field == 5 || field == 8);
}

constexpr ProtoFormat caffemodel_format{"caffemodel", child_of, is_number_list};

}  // namespace

hwprof_caffe::NetParameter parse_prototxt(std::string_view text, const std::string& source) {
  Collector collector(source);
  auto net = parse_text<hwprof_caffe::NetParameter>(text, source, collector);
  if (net.layers_size() > 0)
    throw Error(Fault::unsupported, source + ": has layers in Caffe's old form (V1), which hwprof does not read; " +
                                        "Caffe's tool upgrade_net_proto_text converts them");
  collector.check_known();
  return net;
}

hwprof_caffe::LayerParameter parse_layer(std::string_view text, const std::string& source) {
  Collector collector(source);
  return parse_text<hwprof_caffe::LayerParameter>(text, source, collector);
}

hwprof_caffe::NetParameter parse_caffemodel(std::string_view bytes, const std::string& source) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Error(Fault::input, source + ": is larger than a caffemodel can be");
  scan_proto(caffemodel_format, bytes, source);
  hwprof_caffe::NetParameter net;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(std::numeric_limits<int>::max());
  stream.SetRecursionLimit(most_depth);
  if (!net.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw Error(Fault::input, source + ": is no caffemodel");
  return net;
}

std::string to_prototxt(const hwprof_caffe::NetParameter& net) {
  std::string text;
  if (!google::protobuf::TextFormat::PrintToString(net, &text))
    throw Error(Fault::internal, "Caffe: the network could not be written as text");
  return text;
}

}  // namespace hwprof::format
