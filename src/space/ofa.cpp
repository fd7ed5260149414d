// SPDX-License-Identifier: Apache-2.0
#include "space/ofa.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "prim/types.hpp"

namespace hwprof::space {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(Fault::input, what);
}

/// One entry per stage. An empty list gives the fallback.
template <typename T>
T of_stage(const std::vector<T>& values, std::size_t stage, T fallback) {
  return values.empty() ? fallback : static_cast<T>(values[stage]);
}

void check_length(const char* name, std::size_t found, std::size_t stages, bool optional) {
  if (found == stages || (optional && found == 0)) return;
  fail(std::string(name) + " needs one entry per stage (" + std::to_string(stages) + ", as many as strides), found " +
       std::to_string(found));
}

void check(const OfaSpec& spec) {
  const std::size_t stages = spec.strides.size();
  if (stages < 2) fail("strides needs at least two stages, found " + std::to_string(stages));
  if (spec.base_channels.size() < stages + 1)
    fail("base_channels needs at least " + std::to_string(stages + 1) + " entries (stem and " + std::to_string(stages) +
         " stages), found " + std::to_string(spec.base_channels.size()));
  check_length("acts", spec.acts.size(), stages, true);
  check_length("use_ses", spec.use_ses.size(), stages, true);
  check_length("num_cell_groups", spec.blocks.size(), stages, true);
  if (!spec.blocks.empty() && spec.blocks[0] != 1)
    fail("num_cell_groups: the first stage has one block, found " + std::to_string(spec.blocks[0]));
  const auto deepest = static_cast<std::size_t>(*std::max_element(spec.depths.begin(), spec.depths.end()));
  const std::size_t most = max_candidates / stages / deepest;
  if (spec.widths.size() * spec.kernels.size() > most)
    fail("the space has more than " + std::to_string(max_candidates) + " candidates in all its blocks");
  const auto& attrs = find_prim_type(spec.primitive_type).attrs;
  const bool takes_se = std::any_of(attrs.begin(), attrs.end(), [](const auto& attr) { return attr.name == "use_se"; });
  if (!takes_se && std::find(spec.use_ses.begin(), spec.use_ses.end(), true) != spec.use_ses.end())
    fail("use_ses asks for squeeze and excitation, which primitive_type " + base::in_quotes(spec.primitive_type) +
         " does not have");
}

class Builder {
 public:
  explicit Builder(const OfaSpec& spec) : spec_(spec) { check(spec); }

  Chain backbone() {
    Chain chain;
    chain.image_sizes = spec_.image_sizes;
    chain.image_channels = spec_.image_channels;
    chain.extra = spec_.fixed_primitives;
    chain.stages.push_back(fixed_stage("stem", {stem()}));
    chain.stages.push_back(fixed_stage("stage0", {block(0, channels(1), spec_.strides[0], 1, 3)}));
    for (std::size_t stage = 1; stage < spec_.strides.size(); ++stage) chain.stages.push_back(elastic_stage(stage));
    return chain;
  }

  [[nodiscard]] Head head() const {
    if (spec_.head) return *spec_.head;
    const std::size_t surplus = spec_.base_channels.size() - spec_.strides.size() - 1;
    if (surplus == 0) return {};
    Head head{channels(spec_.strides.size() + 1), 0, spec_.num_classes, activation(spec_.strides.size() - 1)};
    if (surplus > 1) head.feature_channels = channels(spec_.strides.size() + 2);
    return head;
  }

  Prim block(std::size_t stage, int C_out, int stride, double width, int kernel) const {
    std::map<std::string, Attr> attrs = {
        {"expansion", width}, {"kernel_size", std::int64_t{kernel}}, {"use_se", of_stage(spec_.use_ses, stage, false)}};
    if (!activation(stage).empty()) attrs.emplace("activation", activation(stage));
    return make_prim(spec_.primitive_type, C_out, stride, attrs);
  }

  /// One position with the axes width and kernel.
  template <typename MakePrim>
  static Position width_and_kernel(const std::string& name, const std::vector<double>& widths,
                                   const std::vector<int>& kernels, MakePrim make) {
    Position position{name, {{name + ".width", {}}, {name + ".kernel", {}}}, {}};
    for (const double width : widths) position.axes[0].options.push_back(base::format_number(width));
    for (const int kernel : kernels) position.axes[1].options.push_back(std::to_string(kernel));
    for (const double width : widths)
      for (const int kernel : kernels) position.candidates.push_back({make(width, kernel)});
    return position;
  }

 private:
  [[nodiscard]] int channels(std::size_t index) const {
    return make_divisible(spec_.base_channels[index] * spec_.mult_ratio);
  }
  /// aw_nas' default where no acts are given.
  [[nodiscard]] std::string activation(std::size_t stage) const {
    return of_stage(spec_.acts, stage, std::string("relu6"));
  }

  [[nodiscard]] Prim stem() const {
    const std::string act = spec_.stem_activation.empty() ? activation(0) : spec_.stem_activation;
    return make_prim(spec_.stem_type, channels(0), spec_.stem_stride, {{"activation", act}});
  }

  [[nodiscard]] Stage elastic_stage(std::size_t index) const {
    Stage stage{"stage" + std::to_string(index), spec_.depths, {}};
    const int deepest = *std::max_element(spec_.depths.begin(), spec_.depths.end());
    const int blocks = of_stage(spec_.blocks, index, deepest);
    if (deepest > blocks)
      fail("depth_choice has " + std::to_string(deepest) + ", but stage " + std::to_string(index) + " has only " +
           std::to_string(blocks) + " blocks (num_cell_groups)");
    for (int b = 0; b < deepest; ++b)
      stage.positions.push_back(width_and_kernel(
          stage.name + ".block" + std::to_string(b), spec_.widths, spec_.kernels, [&](double width, int kernel) {
            return block(index, channels(index + 1), b == 0 ? spec_.strides[index] : 1, width, kernel);
          }));
    return stage;
  }

  const OfaSpec& spec_;
};

}  // namespace

Chain ofa_chain(const OfaSpec& spec) {
  Builder builder(spec);
  Chain chain = builder.backbone();
  chain.stages.push_back(fixed_stage("head", head_prims(builder.head())));
  return chain;
}

Chain ssd_ofa_chain(const OfaSpec& spec, const SsdSpec& ssd) {
  Builder builder(spec);
  Chain chain = builder.backbone();
  const std::size_t last = chain.stages.size() - 1;  // stages[1 + i] is stage i
  std::size_t before = last;
  while (before > 1 && spec.strides[before - 1] == 1) --before;
  const Prim predictor = make_prim("conv_3x3", ssd.anchors * (ssd.num_classes + 4), 1, {});
  if (before - 1 > 0) chain.taps.push_back({before - 1, predictor});
  chain.taps.push_back({last, predictor});
  OfaSpec plain = spec;  // extra blocks have no squeeze and excitation
  plain.use_ses.clear();
  const Builder extras(plain);
  for (std::size_t i = 0; i < ssd.channels.size(); ++i) {
    const std::string name = "head" + std::to_string(i);
    chain.stages.push_back(
        {name, {}, {Builder::width_and_kernel(name, ssd.widths, ssd.kernels, [&](double width, int kernel) {
           return extras.block(spec.strides.size() - 1, ssd.channels[i], 2, width, kernel);
         })}});
    chain.taps.push_back({chain.stages.size() - 1, predictor});
  }
  return chain;
}

}  // namespace hwprof::space
