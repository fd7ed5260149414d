// SPDX-License-Identifier: Apache-2.0
#include "format/caffe_pool.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace hwprof::format {
namespace {

constexpr const char* mark = "/pool_";

/// Whether every window of an average is divided by the same number in the graph and in Caffe.
bool same_divisors(const Op& op, std::size_t axis, std::int64_t extent, std::int64_t windows) {
  const std::int64_t before = op.pad[axis];
  const std::int64_t after = op.count_include_pad ? op.pad[axis + 2] : 0;
  if (!op.count_include_pad && before > 0) return false;
  // Only windows that end behind the map differ, if any; the last one ends furthest.
  const std::int64_t end = (windows - 1) * op.stride[axis] - before + op.kernel[axis];
  return std::min(end, extent + before) == std::min(end, extent + after);
}

}  // namespace

std::int64_t caffe_windows(std::int64_t extent, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  const std::int64_t room = extent + 2 * pad - kernel;
  std::int64_t count = (room + stride - 1) / stride + 1;
  if (pad > 0 && (count - 1) * stride >= extent + pad) --count;
  return count;
}

CaffePool caffe_pool(const Op& op, const Shape& in, const Shape& out) {
  CaffePool pool;
  if (op.dilation != std::array<int, 2>{1, 1}) {
    pool.refused = "a pool of Caffe has no dilation";
    return pool;
  }
  for (std::size_t axis = 0; axis < 2; ++axis) {
    pool.pad[axis] = op.pad[axis];
    const std::int64_t extent = in[axis + 2];
    if (extent + 2 * std::int64_t{op.pad[axis]} < op.kernel[axis]) {
      pool.refused = "Caffe pads both sides alike, and the window does not fit then";
      return pool;
    }
    pool.out[axis] = caffe_windows(extent, op.kernel[axis], op.stride[axis], op.pad[axis]);
    if (pool.out[axis] < out[axis + 2])
      pool.refused = "Caffe pads both sides alike and has " + std::to_string(pool.out[axis]) + " windows instead of " +
                     std::to_string(out[axis + 2]);
    if (op.kind == OpKind::avg_pool && !same_divisors(op, axis, extent, out[axis + 2]))
      pool.refused = "an average pool of Caffe counts the padding before a map and as much behind it";
  }
  return pool;
}

std::string caffe_pool_note(const Op& op) {
  std::string note = mark;
  note += op.ceil_mode ? "up" : "down";
  note += op.count_include_pad ? "_with" : "_without";
  for (const int pad : op.pad) note += "_" + std::to_string(pad);
  return note;
}

bool read_caffe_pool_note(const std::string& name, Op& op) {
  const auto at = name.rfind(mark);
  if (at == std::string::npos) return false;
  const auto parts = base::split(name.substr(at + std::string(mark).size()), '_');
  constexpr std::size_t count = 6;
  if (parts.size() != count || (parts[0] != "up" && parts[0] != "down") ||
      (parts[1] != "with" && parts[1] != "without"))
    return false;
  std::array<int, 4> pad{};
  for (std::size_t i = 0; i < pad.size(); ++i) {
    const auto value = base::to_int(parts[i + 2]);
    if (!value || *value < 0 || *value > (1 << 20)) return false;
    pad[i] = static_cast<int>(*value);
  }
  op.pad = pad;
  op.ceil_mode = parts[0] == "up";
  op.count_include_pad = parts[1] == "with";
  return true;
}

}  // namespace hwprof::format
