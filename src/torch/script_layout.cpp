// SPDX-License-Identifier: Apache-2.0
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "torch/script_reader.hpp"

namespace hwprof {
namespace {

constexpr std::size_t most_parts = 100'000;

/// Code computes values that nobody reads (a half of a chunk); other formats have no place for them.
void drop_unread(Graph& graph) {
  std::vector<bool> read(graph.ops.size(), false);
  read[0] = true;  // the input
  for (const int output : graph.outputs) read[static_cast<std::size_t>(output)] = true;
  for (std::size_t i = graph.ops.size(); i-- > 0;)
    if (read[i])
      for (const int input : graph.ops[i].inputs) read[static_cast<std::size_t>(input)] = true;
  std::vector<int> place(graph.ops.size(), 0);
  std::vector<Op> kept;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    if (!read[i]) continue;
    for (int& input : graph.ops[i].inputs) input = place[static_cast<std::size_t>(input)];
    place[i] = static_cast<int>(kept.size());
    kept.push_back(std::move(graph.ops[i]));
  }
  graph.ops = std::move(kept);
  for (int& output : graph.outputs) output = place[static_cast<std::size_t>(output)];
}

}  // namespace

void ScriptReader::cat(Node* node) {
  const ScriptCell list = cell(node->input(0));
  if (!list.list || list.list->empty()) refuse(node, "of something that is no list of values");
  std::vector<ScriptValue> inputs;
  for (const auto& one : *list.list) {
    if (!one.value || one.value->form != Form::plain) refuse(node, "of something that is no value of the network");
    inputs.push_back(current(*one.value));
    if (inputs.back().dims.size() != inputs.front().dims.size()) fail(node, "its values differ in dimensions");
  }
  if (axis(node, integer(node, 1), inputs.front()) != 1) refuse(node, "along another dimension than the channels");
  Op op;
  op.kind = OpKind::concat;
  emit(node, std::move(op), inputs, {});
}

void ScriptReader::put_parts(Node* node, const ScriptValue& x, const Dims& sizes) {
  if (sizes.size() > most_parts) fail(node, "makes more than " + std::to_string(most_parts) + " parts");
  spend(node, sizes.size());
  ScriptCell made;
  made.list = std::make_shared<std::vector<ScriptCell>>();
  std::int64_t next = 0;
  for (const auto size : sizes) {
    Op op;
    op.kind = OpKind::split;
    op.first_channel = next;
    op.out_channels = size;
    next += size;
    made.list->emplace_back();
    made.list->back().value = append(node, std::move(op), {x}, {});
  }
  if (next != shape_of(x)[1]) fail(node, "its sizes do not add up to " + std::to_string(shape_of(x)[1]));
  if (node->outputs().size() == 1 && std::string(node->kind().toQualString()) != "prim::ConstantChunk")
    assign(node, {made});
  else
    assign(node, *made.list);
}

/// chunk, split, split_with_sizes.
void ScriptReader::parts(Node* node) {
  const ScriptValue x = whole(node, 0);
  const std::string kind = node->kind().toQualString();
  const bool constant = kind == "prim::ConstantChunk";
  const std::int64_t along = constant ? node->i(c10::attr::dim) : integer(node, 2);
  if (axis(node, along, x) != 1) refuse(node, "along another dimension than the channels");
  const std::int64_t channels = shape_of(x)[1];
  if (!constant && known(node, 1).isList()) return put_parts(node, x, integers(node, 1));
  std::int64_t size = constant ? node->i(c10::attr::chunks) : integer(node, 1);
  if (size < 1) fail(node, "needs a positive number");
  size = std::min(size, channels);
  if (kind != "aten::split") size = (channels + size - 1) / size;
  if ((channels - 1) / size >= static_cast<std::int64_t>(most_parts))
    fail(node, "makes more than " + std::to_string(most_parts) + " parts");
  Dims sizes;
  for (std::int64_t at = 0; at < channels; at += size) sizes.push_back(std::min(size, channels - at));
  put_parts(node, x, sizes);
}

/// A piece of the channels, or a crop.
void ScriptReader::slice(Node* node) {
  const ScriptValue x = whole(node, 0);
  const std::size_t at = axis(node, integer(node, 1), x);
  const std::int64_t extent = x.dims[at];
  const auto end_of = [&](std::size_t input, std::int64_t fallback) {
    if (is_none(node, input)) return fallback;
    const std::int64_t given = integer(node, input);
    return std::clamp<std::int64_t>(given < 0 ? given + extent : given, 0, extent);
  };
  const std::int64_t begin = end_of(2, 0);
  const std::int64_t end = end_of(3, extent);
  if (integer(node, 4) != 1) refuse(node, "takes only every other value");
  if (begin == 0 && end == extent) return put(node, x);
  if (begin >= end) fail(node, "leaves nothing");
  if (at == 0 || (at > 1 && x.dims.size() != 4)) refuse(node, "cuts the batch");
  Op op;
  if (at == 1) {
    op.kind = OpKind::split;
    op.first_channel = begin;
    op.out_channels = end - begin;
  } else {
    op.kind = OpKind::pad;
    op.pad[at - 2] = -static_cast<int>(begin);
    op.pad[at] = -static_cast<int>(extent - end);
  }
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::flatten(Node* node) {
  const ScriptValue x = whole(node, 0);
  if (axis(node, integer(node, 1), x) != 1 || axis(node, integer(node, 2), x) + 1 != x.dims.size())
    refuse(node, "only all but the batch");
  if (x.dims.size() == 2) return put(node, x);
  Op op;
  op.kind = OpKind::flatten;
  const Shape in = shape_of(x);
  emit(node, std::move(op), {x}, {in[0], in[1] * in[2] * in[3]});
}

void ScriptReader::view(Node* node) {
  ScriptValue x = value(node, 0);
  Dims target = integers(node, 1);
  std::int64_t all = 1;
  for (const auto extent : x.dims) all *= extent;
  std::int64_t told = 1;
  std::int64_t* open = nullptr;
  constexpr std::int64_t most = std::int64_t{1} << 40;
  for (auto& extent : target) {
    if (extent == -1 && open == nullptr) {
      open = &extent;
      continue;
    }
    if (extent < 1 || extent > most / told) fail(node, "its sizes make no sense");
    told *= extent;
  }
  if (open != nullptr && all % told == 0) *open = all / told;
  if ((open == nullptr && told != all) || (open != nullptr && all % told != 0))
    fail(node, "its sizes do not fit " + std::to_string(all) + " values");
  if (target == x.dims) return put(node, x);
  const Shape in = shape_of(x);
  if (target.empty() || target[0] != in[0]) refuse(node, "changes the batch");
  if (x.form == Form::swapped && target == Dims(in.begin(), in.end())) {
    Op op;
    op.kind = OpKind::channel_shuffle;
    op.groups = x.dims[2];  // swapped already
    x.form = Form::plain;
    x.dims = target;
    return put(node, append(node, std::move(op), {x}, target));
  }
  x = whole(node, 0);
  constexpr std::size_t grouped = 5;
  if (target.size() == grouped && x.dims.size() == 4 && target[1] * target[2] == in[1] && target[3] == in[2] &&
      target[4] == in[3]) {
    x.form = Form::grouped;
    x.dims = target;
    return put(node, x);
  }
  Op op;
  if (target.size() == 2) {
    op.kind = OpKind::flatten;
  } else if (target.size() == 4) {
    op.kind = OpKind::reshape;
    op.shape = {0, target[1], target[2], target[3]};
  } else {
    refuse(node, "to " + std::to_string(target.size()) + " dimensions");
  }
  put(node, append(node, std::move(op), {x}, target));
}

void ScriptReader::transpose(Node* node) {
  ScriptValue x = value(node, 0);
  const std::size_t a = axis(node, integer(node, 1), x);
  const std::size_t b = axis(node, integer(node, 2), x);
  if (x.form != Form::grouped || std::min(a, b) != 1 || std::max(a, b) != 2)
    refuse(node, "is read only in a channel shuffle");
  std::swap(x.dims[1], x.dims[2]);
  x.form = Form::swapped;
  put(node, x);
}

void ScriptReader::permute(Node* node) {
  ScriptValue x = value(node, 0);
  if (x.form != Form::grouped || integers(node, 1) != Dims{0, 2, 1, 3, 4})
    refuse(node, "is read only in a channel shuffle");
  std::swap(x.dims[1], x.dims[2]);
  x.form = Form::swapped;
  put(node, x);
}

/// Over height and width, together or one after the other.
void ScriptReader::mean(Node* node) {
  ScriptValue x = value(node, 0);
  if (known(node, 1).isNone() || !known(node, 1).isList()) refuse(node, "over everything");
  const bool keep = flag(node, 2);
  Dims over;
  for (const auto one : integers(node, 1)) over.push_back(static_cast<std::int64_t>(axis(node, one, x)));
  std::sort(over.begin(), over.end());
  const Shape in = shape_of(x);
  Op op;
  op.kind = OpKind::global_avg_pool;
  if (x.form == Form::mean_of_width && over == Dims{2}) {
    x.form = Form::plain;
    const Dims dims = x.dims.size() == 4 ? Dims{in[0], in[1], 1, 1} : keep ? Dims{in[0], in[1], 1} : Dims{in[0], in[1]};
    return put(node, append(node, std::move(op), {x}, dims));
  }
  x = whole(node, 0);
  if (x.dims.size() == 4 && over == Dims{3}) {
    x.form = Form::mean_of_width;
    x.dims = keep ? Dims{in[0], in[1], in[2], 1} : Dims{in[0], in[1], in[2]};
    return put(node, x);
  }
  if (x.dims.size() != 4 || over != Dims{2, 3}) refuse(node, "over other dimensions than height and width");
  put(node, append(node, std::move(op), {x}, keep ? Dims{in[0], in[1], 1, 1} : Dims{in[0], in[1]}));
}

/// Dimensions of 1 behind the channels come and go.
void ScriptReader::squeeze(Node* node) {
  ScriptValue x = whole(node, 0);
  const bool grows = base::starts_with(std::string(node->kind().toQualString()).substr(6), "unsqueeze");
  if (node->inputs().size() < 2) {
    if (x.dims[0] == 1) refuse(node, "of all dimensions takes the batch of 1 too");
    if (x.dims[1] == 1) refuse(node, "of all dimensions takes the only channel too");
    const bool any = std::find(x.dims.begin(), x.dims.end(), 1) != x.dims.end();
    if (any && (shape_of(x)[2] != 1 || shape_of(x)[3] != 1)) refuse(node, "of a map");
    x.dims.erase(std::remove(x.dims.begin(), x.dims.end(), 1), x.dims.end());
    return put(node, x);
  }
  std::int64_t at = integer(node, 1);
  const auto rank = static_cast<std::int64_t>(x.dims.size()) + (grows ? 1 : 0);
  if (at < 0) at += rank;
  if (at < 0 || at >= rank) fail(node, "there is no such dimension");
  if (at < 2) refuse(node, "of the batch or the channels");
  if (grows) {
    if (rank > 4) refuse(node, "to more than 4 dimensions");
    x.dims.insert(x.dims.begin() + at, 1);
  } else if (x.dims[static_cast<std::size_t>(at)] == 1) {
    if (shape_of(x)[2] != 1 || shape_of(x)[3] != 1) refuse(node, "of a map");
    x.dims.erase(x.dims.begin() + at);
  }
  put(node, x);
}

void ScriptReader::pad(Node* node) {
  const ScriptValue x = whole(node, 0);
  Dims pads = integers(node, 1);
  const bool named = std::string(node->kind().toQualString()) == "aten::pad";
  if (named && known(node, 2).toStringRef() != "constant") refuse(node, "with something else than zeros");
  const std::size_t fill = named ? 3 : 2;
  if (!is_none(node, fill) && real(node, fill) != 0) refuse(node, "with something else than zeros");
  if (x.dims.size() != 4 || pads.size() > 4 || pads.size() % 2 != 0)
    refuse(node, "of other dimensions than height and width");
  pads.resize(4, 0);
  for (const auto one : pads)
    if (one < -(1 << 20) || one > (1 << 20)) fail(node, "padding " + std::to_string(one) + " makes no sense");
  Op op;
  op.kind = OpKind::pad;
  op.pad = {static_cast<int>(pads[2]), static_cast<int>(pads[0]), static_cast<int>(pads[3]), static_cast<int>(pads[1])};
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::shuffle(Node* node) {
  Op op;
  op.kind = OpKind::channel_shuffle;
  op.groups = integer(node, 1);
  emit(node, std::move(op), {whole(node, 0)}, {});
}

void ScriptReader::pass(Node* node) {
  const ScriptValue x = value(node, 0);
  const OpKind kind = net_.graph.ops[static_cast<std::size_t>(x.op)].kind;
  if (kind == OpKind::split || kind == OpKind::pad)  // not in order, so that contiguous() copies
    copied_[static_cast<std::size_t>(x.op)] = true;
  put(node, x);
}

/// What is changed in place afterwards is the copy.
void ScriptReader::copy(Node* node) {
  Op op;
  op.kind = OpKind::identity;
  emit(node, std::move(op), {whole(node, 0)}, {});
}

/// One number per channel as a map, before a product.
void ScriptReader::expand(Node* node) {
  ScriptValue x = whole(node, 0);
  Dims target;
  if (node->kind() == c10::aten::expand_as)
    target = value(node, 1).dims;
  else
    target = integers(node, 1);
  if (target.size() != x.dims.size()) refuse(node, "to another number of dimensions");
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] == -1) target[i] = x.dims[i];
    if (target[i] != x.dims[i] && (i < 2 || x.dims[i] != 1)) refuse(node, "of the batch, the channels or a map");
    if (target[i] < 1) fail(node, "size " + std::to_string(target[i]) + " makes no sense");
  }
  if (target == x.dims) return put(node, x);
  x.dims = target;
  x.form = Form::expanded;
  put(node, x);
}

void ScriptReader::size(Node* node) {
  if (!cell(node->input(0)).value) refuse(node, "of something that is no value of the network");
  const ScriptValue& x = *cell(node->input(0)).value;
  ScriptCell made;
  if (node->inputs().size() == 2)
    made.known = x.dims[axis(node, integer(node, 1), x)];
  else
    made.known = c10::List<std::int64_t>(x.dims);
  assign(node, {made});
}

void ScriptReader::dim(Node* node) {
  ScriptCell made;
  if (!cell(node->input(0)).value) refuse(node, "of something that is no value of the network");
  made.known = static_cast<std::int64_t>(cell(node->input(0)).value->dims.size());
  assign(node, {made});
}

OnnxNet read_torchscript(const std::string& file, const Shape& input) {
  try {
    torch::NoGradGuard no_gradients;
    OnnxNet net = ScriptReader(torch::jit::load(file, torch::kCPU), input, file).run();
    drop_unread(net.graph);
    return net;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(Fault::input, file + ": claims more memory than there is");
  } catch (const std::exception& error) {
    std::string reason = error.what();
    reason = reason.substr(0, std::min<std::size_t>(reason.find('\n'), 300));
    throw Error(Fault::input, file + ": is no TorchScript that libtorch can read: " + reason);
  }
}

}  // namespace hwprof
