// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "hwprof/model.hpp"
#include "hwprof/net.hpp"
#include "hwprof/prim.hpp"
#include "hwprof/record.hpp"

namespace hwprof {

/// One choice a controller makes: "stage2.depth" of {2, 3, 4}.
struct Decision {
  std::string name;
  std::vector<std::string> options;  ///< 1 to 65535 texts
};

/// One architecture: an option index per decision of its space.
using Arch = std::vector<std::uint16_t>;

/// A search space that can be profiled. A NAS code base mixes it into its own space class and
/// implements decisions() and primitives(); the rest has working defaults.
class MixinProfilingSearchSpace {
 public:
  virtual ~MixinProfilingSearchSpace();

  [[nodiscard]] virtual std::vector<Decision> decisions() const = 0;

  /// The primitives of one architecture in execution order, stem and head included.
  /// @throws Error(Fault::usage) when arch does not fit decisions().
  [[nodiscard]] virtual std::vector<Prim> primitives(const Arch& arch) const = 0;

  /// The architecture as a network that can be run. Default: the chain of primitives(arch), whose first
  /// primitive sees the image.
  [[nodiscard]] virtual Net network(const Arch& arch) const;

  /// Every distinct primitive that some architecture uses, sorted (aw_nas' method of this name).
  /// Default: walks the decisions one at a time around sampled architectures until nothing new appears;
  /// a space that can enumerate exactly overrides it.
  [[nodiscard]] virtual std::vector<Prim> generate_profiling_primitives() const;

  /// Cost model from measured records (aw_nas' method of this name). Default: fit().
  [[nodiscard]] virtual Model parse_profiling_primitives(const std::vector<NetRecord>& records,
                                                         const FitOptions& options) const;

  /// Groups of decisions such that the primitives of an architecture are the union of what each group
  /// alone decides; groups may share decisions. What a Predictor is compiled from. For models that go by the order of
  /// primitives, groups stand in the order in which theirs are executed. Default: one group of all.
  [[nodiscard]] virtual std::vector<std::vector<std::size_t>> factors() const;

  /// Uniform over the options of each decision unless a space knows better.
  [[nodiscard]] virtual Arch sample(std::mt19937_64& rng) const;
};

/// A space of which nothing but its decisions is known (kind `options`). It has no primitives, so nothing can be
/// profiled or added up; models of architectures ("transfer") learn from the options alone.
class OptionSpace : public MixinProfilingSearchSpace {
 public:
  /// Where a decision means anything: where an earlier one takes one of these options, and means something itself.
  struct Need {
    std::size_t decision;
    std::vector<std::uint16_t> options;
  };

  /// needs: one list per decision, all of which must hold, or none at all.
  /// @throws Error(Fault::usage) for a decision without options, with two of one name or with a name that is taken, for
  /// needs of decisions or options that are not there, and for a decision that needs more than 32 others.
  explicit OptionSpace(std::vector<Decision> decisions, std::vector<std::vector<Need>> needs = {});

  [[nodiscard]] std::vector<Decision> decisions() const override { return decisions_; }
  /// @throws Error(Fault::unsupported): it has none.
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override;
  [[nodiscard]] std::vector<Prim> generate_profiling_primitives() const override;
  /// One per decision: itself and what it needs, directly or not.
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override { return factors_; }
  /// Whether this decision matters in the architecture.
  [[nodiscard]] bool means(const Arch& arch, std::size_t decision) const;

 private:
  std::vector<Decision> decisions_;
  std::vector<std::vector<Need>> needs_;
  std::vector<std::vector<std::size_t>> factors_;
};

/// One number per decision, joined by dots: "0.2.1". With names: "stage1.depth=3,...".
[[nodiscard]] std::string to_string(const Arch& arch);
[[nodiscard]] std::string describe(const MixinProfilingSearchSpace& space, const Arch& arch);

/// Takes either form. @throws Error(Fault::usage) with the decision that does not fit and its options.
[[nodiscard]] Arch parse_arch(const MixinProfilingSearchSpace& space, const std::string& text);

/// @throws Error(Fault::usage) naming the first decision that does not fit.
void check_arch(const MixinProfilingSearchSpace& space, const Arch& arch);

/// How a space asks to be profiled; read from the same file as the space.
struct SpaceFile {
  std::unique_ptr<MixinProfilingSearchSpace> space;
  std::string kind, name;
  AssembleOptions assemble;
  int num_sample = 0;                  ///< aw_nas' num_sample: sampled architectures instead of packing; 0: pack
  std::string base_cfg_template;       ///< YAML that aw_nas wants around every profiling network; may be empty
  std::vector<std::string> compilers;  ///< aw_nas' hardware_compilers, by name
};

/// The space described by a YAML file; its `kind` picks the class (list_spaces()).
/// hardware_file: aw_nas' second file (mixin_search_space_type, prof_prims_cfg, …), in any generation.
/// image_size > 0 replaces the file's own. A bare name is one of the built-in spaces: fbnet, nasbench201.
/// All of the space is built once here, so that what does not fit or would grow beyond measure is refused
/// now and not in the middle of a search; examples/spaces has one file per kind with its keys.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] SpaceFile load_space(const std::string& file, const std::string& hardware_file = {}, int image_size = 0);
[[nodiscard]] std::vector<std::string> list_spaces();

}  // namespace hwprof
