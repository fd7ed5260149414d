// SPDX-License-Identifier: Apache-2.0
// Which values share memory. A change in place is one for all of them; values whose change cannot be expressed by an op
// are not read any more.
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "torch/script_reader.hpp"

namespace hwprof {
namespace {

/// Whether libtorch gives a view of the op's input, not a copy, at least where memory lies in order.
bool is_view(const Op& op) {
  switch (op.kind) {
    case OpKind::split:
    case OpKind::flatten:
    case OpKind::reshape:
    case OpKind::dropout:  // in evaluation its input itself
      return true;
    case OpKind::pad:  // a crop is a view; zeros around a map are a copy
      return std::all_of(op.pad.begin(), op.pad.end(), [](int one) { return one <= 0; });
    default:
      return false;
  }
}

bool apart(const Op& a, const Op& b) {
  return a.kind == OpKind::split && b.kind == OpKind::split && a.inputs == b.inputs &&
         (a.first_channel + a.out_channels <= b.first_channel || b.first_channel + b.out_channels <= a.first_channel);
}

}  // namespace

void ScriptReader::keep_storage(int made) {
  const Op& op = net_.graph.ops[static_cast<std::size_t>(made)];
  const int storage = is_view(op) ? storage_[static_cast<std::size_t>(op.inputs.front())] : made;
  storage_.push_back(storage);
  region_.push_back(made);
  stale_.push_back(false);
  copied_.push_back(false);
  sharers_[storage].push_back(made);
}

int ScriptReader::latest(int op) {
  const auto at = [this](int i) -> int& { return now_[static_cast<std::size_t>(i)]; };
  while (at(op) != op) op = at(op) = at(at(op));  // shorter for the next
  return op;
}

void ScriptReader::change(Node* node, int old, int made) {
  const auto region_of = [this](int op) -> const Op& {
    return net_.graph.ops[static_cast<std::size_t>(region_[static_cast<std::size_t>(op)])];
  };
  now_[static_cast<std::size_t>(old)] = made;
  const int storage = storage_[static_cast<std::size_t>(old)];
  sharers_.erase(made);
  auto& sharers = sharers_[storage];
  spend(node, sharers.size());
  // In evaluation a dropout changes nothing.
  const bool changes = net_.graph.ops[static_cast<std::size_t>(made)].kind != OpKind::dropout;
  if (changes && copied_[static_cast<std::size_t>(old)])
    refuse(node, "changes a value in place of which libtorch may have made a copy before");
  std::vector<int> left{made};
  for (const int one : sharers) {
    if (latest(one) == made) continue;
    if (changes && !apart(region_of(one), region_of(old)))
      stale_[static_cast<std::size_t>(one)] = true;
    else
      left.push_back(one);
  }
  sharers = std::move(left);
  storage_[static_cast<std::size_t>(made)] = storage;
  region_[static_cast<std::size_t>(made)] = region_[static_cast<std::size_t>(old)];
}

ScriptValue ScriptReader::current(const ScriptValue& value) {
  ScriptValue out = value;
  out.op = latest(out.op);
  if (stale_[static_cast<std::size_t>(out.op)])
    throw Error(Fault::unsupported,
                source_ + ": " + base::in_quotes(net_.graph.ops[static_cast<std::size_t>(out.op)].name) +
                    " is read after a view of it was changed in place, which hwprof does not follow");
  return out;
}

}  // namespace hwprof
