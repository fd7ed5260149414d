// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "format/caffe_reader.hpp"
#include "format/reals.hpp"

namespace hwprof::format {
namespace {

bool is_rest(const std::string& name) {
  const auto at = name.rfind('/');
  return at != std::string::npos && base::starts_with(std::string_view(name).substr(at), "/rest");
}

}  // namespace

void CaffeReader::concat(int index) {
  const auto& param = layer(index).concat_param();
  const std::int64_t axis = param.has_concat_dim() ? param.concat_dim() : param.axis();
  std::vector<CaffeValue> inputs;
  for (int k = 0; k < layer(index).bottom_size(); ++k) {
    inputs.push_back(value(index, k));
    if (inputs.back().flat != inputs.front().flat) fail(index, "its inputs differ in dimensions");
  }
  if (inputs.empty()) fail(index, "reads nothing");
  const std::int64_t rank = inputs.front().flat ? 2 : 4;
  if (axis != 1 && axis != 1 - rank) refuse(index, "joins along another axis than the channels");
  Op op;
  op.kind = OpKind::concat;
  emit(index, std::move(op), inputs, inputs.front().flat);
}

std::vector<std::int64_t> CaffeReader::cuts_of(int index, std::int64_t extent) const {
  const auto& points = layer(index).slice_param().slice_point();
  const int tops = layer(index).top_size();
  std::vector<std::int64_t> cuts{0};
  if (points.empty()) {
    if (tops < 1 || extent % tops != 0)
      fail(index, std::to_string(extent) + " cannot be divided into " + std::to_string(tops) + " parts");
    for (int k = 1; k < tops; ++k) cuts.push_back(extent / tops * k);
  } else {
    if (points.size() != tops - 1) fail(index, "needs a slice_point between every two values that it gives");
    cuts.insert(cuts.end(), points.begin(), points.end());
  }
  cuts.push_back(extent);
  for (std::size_t k = 1; k < cuts.size(); ++k)
    if (cuts[k] <= cuts[k - 1]) fail(index, "its slice_points do not fit " + std::to_string(extent));
  return cuts;
}

int CaffeReader::kept_top(int index, const std::string& base) const {
  int kept = -1;
  for (int k = 0; k < layer(index).top_size(); ++k) {
    const std::string& name = layer(index).top(k);
    if (base::starts_with(name, base + "/rest") && is_unread({index, k})) continue;
    if (kept >= 0) return -1;
    kept = k;
  }
  return kept;
}

void CaffeReader::slice(int index) {
  const auto& param = layer(index).slice_param();
  const CaffeValue x = value(index);
  std::int64_t axis = param.has_slice_dim() ? param.slice_dim() : param.axis();
  if (axis < 0) axis += x.flat ? 2 : 4;
  if (axis < 1 || axis > (x.flat ? 1 : 3)) refuse(index, "cuts the batch, or along an axis that is not there");
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t extent = shape_of(x)[at];
  const auto cuts = cuts_of(index, extent);
  const std::string& name = layer(index).name();
  for (int k = 0; k < layer(index).top_size(); ++k) {
    const Key key{index, k};
    const auto part = static_cast<std::size_t>(k);
    if (is_unread(key) && is_rest(layer(index).top(k))) continue;
    Op op;
    if (axis == 1) {
      op.kind = OpKind::split;
      op.first_channel = cuts[part];
      op.out_channels = cuts[part + 1] - cuts[part];
      emit(index, std::move(op), {x}, x.flat, layer(index).top(k), key);
      continue;
    }
    op.kind = OpKind::pad;
    op.pad[at - 2] = -to_int(index, "slice_point", cuts[part]);
    op.pad[at] = -to_int(index, "slice_point", extent - cuts[part + 1]);
    const int next = only_reader(key);
    if (axis == 2 && next > index && layer(next).type() == "Slice" && layer(next).slice_param().axis() == 3 &&
        name == layer(next).name() + "/crop_h" && kept_top(index, layer(next).name()) == k &&
        kept_top(next, layer(next).name()) >= 0) {
      crops_[key] = {x, op.pad};
      values_[key] = x;  // of which only the width is looked at
      continue;
    }
    CaffeValue of = x;
    const auto crop = crops_.find(bottoms_[static_cast<std::size_t>(index)][0]);
    if (crop != crops_.end()) {
      of = crop->second.first;
      op.pad[0] = crop->second.second[0];
      op.pad[2] = crop->second.second[2];
    }
    const bool ours = kept_top(index, name) == k;
    emit(index, std::move(op), {of}, false, ours ? name : layer(index).top(k), key);
  }
}

void CaffeReader::flatten(int index) {
  const CaffeValue x = value(index);
  const auto& param = layer(index).flatten_param();
  const std::int64_t last = x.flat ? 1 : 3;
  if (param.axis() != 1 || (param.end_axis() != -1 && param.end_axis() != last))
    refuse(index, "only all but the batch");
  const Shape& in = shape_of(x);
  const int next = only_reader({index, 0});
  if (next > index && layer(next).type() == "Scale" && layer(next).bottom_size() == 2 && in[2] == 1 && in[3] == 1) {
    const std::string& gate = layer(next).name();
    if (layer(index).name() == gate + "/flatten" || layer(index).name() == gate + "/flatten_first") {
      values_[{index, 0}] = {x.op, true};
      return;
    }
  }
  Op op;
  op.kind = OpKind::flatten;
  emit(index, std::move(op), {x}, true);
}

void CaffeReader::reshape(int index) {
  const CaffeValue x = value(index);
  const auto& param = layer(index).reshape_param();
  if (param.axis() != 0 || param.num_axes() != -1) refuse(index, "of a part of the dimensions");
  const Dims from = dims_of(x);
  Dims target(param.shape().dim().begin(), param.shape().dim().end());
  constexpr std::size_t most_rank = 5;
  if (target.size() < 2 || target.size() > most_rank)
    refuse(index, "to " + std::to_string(target.size()) + " dimensions");
  double all = 1;
  for (const auto extent : from) all *= static_cast<double>(extent);
  double known = 1;
  int open = -1;
  for (std::size_t k = 0; k < target.size(); ++k) {
    if (target[k] == 0 && k < from.size()) target[k] = from[k];
    if (target[k] == -1 && open < 0)
      open = static_cast<int>(k);
    else if (target[k] < 1)
      fail(index, "dimension " + std::to_string(k) + " makes no sense");
    else
      known *= static_cast<double>(target[k]);
  }
  if (open >= 0) {
    const auto rest = static_cast<std::int64_t>(all / known);
    if (rest < 1 || static_cast<double>(rest) * known != all) fail(index, "its dimensions do not fit the input");
    target[static_cast<std::size_t>(open)] = rest;
  } else if (known != all) {
    fail(index, "its dimensions do not fit the input");
  }
  if (target[0] != from[0]) refuse(index, "changes the batch");
  if (begins_shuffle(index, target)) return;
  if (target.size() == 2) {
    Op op;
    op.kind = OpKind::flatten;
    return emit(index, std::move(op), {x}, true);
  }
  if (target.size() != 4) refuse(index, "to " + std::to_string(target.size()) + " dimensions");
  const int next = only_reader({index, 0});
  const std::string& name = layer(index).name();
  const auto stem = name.rfind("/map");
  const bool ours =
      stem != std::string::npos && next > index &&
      (layer(next).name() == name.substr(0, stem) || base::starts_with(layer(next).name(), name.substr(0, stem + 1)));
  if (x.flat && target[2] == 1 && target[3] == 1 && ours) {
    values_[{index, 0}] = {x.op, false};
    return;
  }
  Op op;
  op.kind = OpKind::reshape;
  op.shape = {0, target[1], target[2], target[3]};
  emit(index, std::move(op), {x}, false);
}

/// N x g x C/g x HW, the middle ones swapped, and back.
bool CaffeReader::begins_shuffle(int index, const Dims& target) {
  const CaffeValue x = value(index);
  const int swap = only_reader({index, 0});
  if (x.flat || target.size() < 4 || swap <= index || layer(swap).type() != "Permute") return false;
  const Shape& in = shape_of(x);
  const auto& order = layer(swap).permute_param().order();
  Dims wanted{0, 2, 1, 3};
  if (target.size() == 5) wanted.push_back(4);
  if (Dims(order.begin(), order.end()) != wanted || target[1] < 1 || in[1] % target[1] != 0 ||
      target[2] != in[1] / target[1])
    return false;
  const int back = only_reader({swap, 0});
  if (back <= swap || layer(back).type() != "Reshape") return false;
  const auto& shape = layer(back).reshape_param().shape().dim();
  if (shape.size() != 4 || (shape[0] != 0 && shape[0] != in[0]) || shape[1] != in[1] ||
      (shape[2] != in[2] && shape[2] != -1) || (shape[3] != in[3] && shape[3] != -1) ||
      (shape[2] == -1 && shape[3] == -1))
    return false;
  Op op;
  op.kind = OpKind::channel_shuffle;
  op.groups = target[1];
  absorbed_.insert({swap, back});
  emit(back, std::move(op), {x}, false);
  return true;
}

void CaffeReader::dropout(int index) {
  const CaffeValue x = value(index);
  const float rate = layer(index).dropout_param().dropout_ratio();
  const std::string& name = layer(index).name();
  const auto at = name.rfind("/output");
  if (rate == 0 && at != std::string::npos && is_unread({index, 0})) {
    values_[{index, 0}] = x;
    explicit_outputs_.insert({index, 0});
    return;
  }
  unary(index, rate == 0 ? OpKind::identity : OpKind::dropout, to_double(rate));
}

/// What Caffe itself puts behind values that are read several times.
void CaffeReader::split(int index) {
  const CaffeValue x = value(index);
  for (int k = 0; k < layer(index).top_size(); ++k) values_[{index, k}] = x;
}

}  // namespace hwprof::format
