// SPDX-License-Identifier: Apache-2.0
// The kinds that name their primitives one by one: chain and listed.
#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "prim/types.hpp"
#include "space/read.hpp"

namespace hwprof::space {
namespace {

using base::Yaml;

/// Follows sizes and channels through a list whose shapes are fixed, and compares them with what it states.
class StatedShapes {
 public:
  explicit StatedShapes(const Common& common)
      : resized_(common.resized), at_{common.image_size, common.image_channels} {}

  void pass(const Yaml& node, const PrimTemplate& stated) {
    if (stated.C != 0 && stated.C != at_.C)
      node.fail("C is " + std::to_string(stated.C) + ", but " + std::to_string(at_.C) + " channels come in");
    if (!resized_ && stated.spatial_size != 0 && stated.spatial_size != at_.size)
      node.fail("spatial_size is " + std::to_string(stated.spatial_size) + ", but " + std::to_string(at_.size) +
                " px come in");
    Prim prim = stated.prim;
    prim.spatial_size = at_.size;
    prim.C = at_.C;
    if (prim.C_out == 0) prim.C_out = at_.C;
    try {
      at_ = {out_size(prim), prim.C_out};
    } catch (const Error& error) {
      node.fail(error.what());
    }
  }

 private:
  bool resized_;
  net::Place at_;
};

std::vector<Prim> read_list(const Yaml& node, StatedShapes* shapes) {
  std::vector<Prim> out;
  if (node.list().size() > max_positions) node.fail("more than " + std::to_string(max_positions) + " primitives");
  for (const auto& element : node.list()) {
    auto one = read_template(element);
    if (shapes != nullptr) {
      shapes->pass(element, one);
    } else if (one.C != 0 || one.spatial_size != 0) {
      element.fail("spatial_size and C follow from the stage before and are not given here");
    }
    out.push_back(std::move(one.prim));
  }
  return out;
}

/// What a candidate is at one position: its template with the stage's channels and stride filled in.
struct Candidate {
  std::string name;
  PrimTemplate block;
  bool skip = false;
};

std::vector<Candidate> read_candidates(const Yaml& node) {
  std::vector<Candidate> out;
  std::set<std::string> names;
  for (const auto& element : node.list()) {
    Candidate candidate;
    if (!element.is_map()) {
      if (element.text() != "skip")
        element.fail("a primitive or skip is expected, found " + base::in_quotes(element.text()));
      candidate.name = "skip";
      candidate.skip = true;
    } else {
      candidate.block = read_template(element, {"name"});
      if (candidate.block.C != 0 || candidate.block.spatial_size != 0)
        element.fail("spatial_size and C of a candidate follow from the stage before and are not given");
      const auto name = element.find("name");
      candidate.name = name ? name->text() : candidate.block.prim.prim_type;
      check_name(element, candidate.name);
    }
    if (!names.insert(candidate.name).second)
      element.fail("two candidates are called " + base::in_quotes(candidate.name) + "; give them a `name`");
    out.push_back(std::move(candidate));
  }
  if (out.empty()) node.fail("at least one candidate is expected, found none");
  return out;
}

/// What a file may still use up, so that a small one cannot ask for gigabytes.
struct Budget {
  std::size_t positions = max_positions, candidates = max_candidates;

  void spend(const Yaml& node, std::size_t blocks, std::size_t each) {
    if (blocks > positions) node.fail("the space has more than " + std::to_string(max_positions) + " blocks");
    if (each > candidates / blocks)
      node.fail("the space has more than " + std::to_string(max_candidates) + " candidates in all its blocks");
    positions -= blocks;
    candidates -= blocks * each;
  }
};

Stage read_stage(const Yaml& node, const std::string& default_name, const std::vector<Candidate>& shared,
                 Budget& budget) {
  node.only({"name", "channels", "stride", "blocks", "depths", "candidates"});
  Stage stage;
  const auto name = node.find("name");
  stage.name = name ? name->text() : default_name;
  check_name(node, stage.name);
  const auto channels_node = node.find("channels");
  const int channels = channels_node ? channels_node->integer(1, prim::max_channels) : 0;
  const auto stride_node = node.find("stride");
  const int stride = stride_node ? stride_node->integer(1, prim::max_stride) : 1;
  const auto blocks_node = node.find("blocks");
  const int blocks = blocks_node ? blocks_node->integer(1, max_blocks) : 1;
  if (const auto depths = node.find("depths")) stage.depths = read_choices(*depths, 1, blocks);
  const auto own = node.find("candidates");
  const auto candidates = own ? read_candidates(*own) : shared;
  if (candidates.empty()) node.fail("key 'candidates' is missing, here and at the top");
  budget.spend(node, static_cast<std::size_t>(blocks), candidates.size());

  for (int b = 0; b < blocks; ++b) {
    std::vector<std::string> options;
    std::vector<std::vector<Prim>> prims;
    for (const auto& candidate : candidates) {
      // What changes the shape cannot be skipped: the first block of a stage that names channels or a stride.
      if (candidate.skip && b == 0 && (channels != 0 || stride != 1)) continue;
      options.push_back(candidate.name);
      prims.emplace_back();
      if (candidate.skip) continue;
      Prim prim = candidate.block.prim;
      if (prim.C_out == 0) prim.C_out = channels;
      if (!candidate.block.has_stride) prim.stride = b == 0 ? stride : 1;
      prims.back().push_back(std::move(prim));
    }
    if (prims.empty()) node.fail("the first block changes the shape, so it needs a candidate that is no skip");
    stage.positions.push_back(choice(stage.name + ".block" + std::to_string(b), std::move(options), std::move(prims)));
  }
  return stage;
}

}  // namespace

Space read_chain(const Yaml& node, Common& common) {
  node.only({"kind", "name", "image_size", "image_channels", "max_layers", "num_sample", "stem", "stages", "head",
             "candidates"});
  Chain chain;
  chain.image_sizes = {common.image_size};
  chain.image_channels = common.image_channels;
  StatedShapes shapes(common);
  if (const auto stem = node.find("stem")) chain.stages.push_back(fixed_stage("stem", read_list(*stem, &shapes)));
  const auto candidates = node.find("candidates");
  const auto shared = candidates ? read_candidates(*candidates) : std::vector<Candidate>{};
  Budget budget;
  for (const auto& stage : node["stages"].list())
    chain.stages.push_back(read_stage(stage, "stage" + std::to_string(chain.stages.size()), shared, budget));
  if (const auto head = node.find("head")) chain.stages.push_back(fixed_stage("head", read_list(*head, nullptr)));
  return make_chain(node, [&] { return std::move(chain); });
}

Space read_listed(const Yaml& node, Common& common) {
  node.only({"kind", "name", "image_size", "image_channels", "max_layers", "num_sample", "layers"});
  Chain chain;
  chain.image_sizes = {common.image_size};
  chain.image_channels = common.image_channels;
  const auto layers = node["layers"];
  StatedShapes shapes(common);
  chain.stages.push_back(fixed_stage("layers", read_list(layers, &shapes)));
  if (chain.stages[0].positions[0].candidates[0].empty()) layers.fail("at least one layer is expected, found none");
  return make_chain(node, [&] { return std::move(chain); });
}

}  // namespace hwprof::space
