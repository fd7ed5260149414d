// SPDX-License-Identifier: Apache-2.0
#include "format/onnx_pool.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace hwprof::format {
namespace {

constexpr const char* mark = "hwprof pool ceil_mode=1 count_include_pad=";
constexpr const char* pads_mark = " pads=";

std::string note_of(const Op& op) {
  std::string note = mark + std::string(op.count_include_pad ? "1" : "0") + pads_mark;
  for (std::size_t i = 0; i < 4; ++i) note += (i == 0 ? "" : ",") + std::to_string(op.pad[i]);
  return note;
}

}  // namespace

PoolForm pool_form(const Op& op, const Shape& in, const Shape& out, int opset) {
  PoolForm form{op.pad, false, op.count_include_pad, false, {}};
  if (!op.ceil_mode) return form;
  bool hangs = false;      // a window begins that does not fit
  bool plain_ceil = true;  // the number of windows is the rounded-up one
  std::array<std::int64_t, 2> missing{0, 0};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t reach = (std::int64_t{op.kernel[axis]} - 1) * op.dilation[axis] + 1;
    const std::int64_t padded = in[axis + 2] + op.pad[axis] + op.pad[axis + 2];
    const std::int64_t last_end = (out[axis + 2] - 1) * op.stride[axis] + reach;
    missing[axis] = std::max<std::int64_t>(0, last_end - padded);
    hangs = hangs || missing[axis] > 0;
    plain_ceil = plain_ceil && (padded - reach + op.stride[axis] - 1) / op.stride[axis] + 1 == out[axis + 2];
  }
  if (op.kind == OpKind::max_pool && hangs && plain_ceil && opset >= 10) {
    form.ceil_mode = true;
    return form;
  }
  form.note = note_of(op);
  if (!hangs) return form;
  if (op.kind == OpKind::avg_pool) {
    form.count_include_pad = false;
    const bool has_pad = std::any_of(op.pad.begin(), op.pad.end(), [](int pad) { return pad > 0; });
    if (op.count_include_pad && has_pad) {
      form.zeros_before = true;
      form.pad = {0, 0, 0, 0};
    }
  }
  for (std::size_t axis = 0; axis < 2; ++axis) form.pad[axis + 2] += static_cast<int>(missing[axis]);
  return form;
}

bool pads_beyond_half(const Op& op) noexcept {
  for (std::size_t side = 0; side < 4; ++side)
    if (op.pad[side] > op.kernel[side % 2] / 2) return true;
  return false;
}

void fit_end_pads(Op& op, const Shape& in) {
  if (!pads_beyond_half(op) || (op.kind == OpKind::avg_pool && op.count_include_pad)) return;
  // Windows are the same when they begin at the same places; how many there are is what the pads at the end decide.
  for (const bool ceil : {false, true}) {
    Op fitted = op;
    fitted.ceil_mode = ceil;
    bool all = true;
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const std::int64_t stride = op.stride[axis];
      const std::int64_t reach = (std::int64_t{op.kernel[axis]} - 1) * op.dilation[axis] + 1;
      const std::int64_t room = in[axis + 2] + op.pad[axis] - reach;
      if (stride < 1 || reach < 1 || room + op.pad[axis + 2] < 0) return;
      const std::int64_t windows = (room + op.pad[axis + 2]) / stride + 1;
      const std::int64_t last = (windows - 1) * stride;  // where the last one begins
      if (last >= in[axis + 2] + op.pad[axis]) return;   // wholly in the padding
      const std::int64_t most = op.kernel[axis] / 2;
      // Rounded down: last <= room + pad < last + stride; up: last - stride < room + pad <= last.
      const std::int64_t least = std::max<std::int64_t>(0, ceil ? last - stride + 1 - room : last - room);
      const bool fits = least <= most && (ceil ? room + least <= last : room + least < last + stride);
      all = all && fits;
      fitted.pad[axis + 2] = static_cast<int>(least);
    }
    if (!all) continue;
    op = fitted;
    return;
  }
}

bool read_pool_note(const std::string& note, Op& op) {
  const std::string prefix = mark;
  if (!base::starts_with(note, prefix) || note.size() < prefix.size() + 1) return false;
  const char flag = note[prefix.size()];
  const std::string rest = note.substr(prefix.size() + 1);
  const std::string pads_prefix = pads_mark;
  if ((flag != '0' && flag != '1') || !base::starts_with(rest, pads_prefix)) return false;
  const auto parts = base::split(rest.substr(pads_prefix.size()), ',');
  if (parts.size() != 4) return false;
  std::array<int, 4> pad{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto value = base::to_int(parts[i]);
    if (!value || *value < 0 || *value > (1 << 20)) return false;
    pad[i] = static_cast<int>(*value);
  }
  op.pad = pad;
  op.ceil_mode = true;
  op.count_include_pad = flag == '1';
  return true;
}

}  // namespace hwprof::format
