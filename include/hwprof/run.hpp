// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/compiler.hpp"
#include "hwprof/model.hpp"
#include "hwprof/space.hpp"

namespace hwprof {

/// A run folder: what lies where. docs/formats.md describes every file.
///   run/run.json config.yaml hwobj_config.yaml prof_prims.yaml prof_nets/<i>.yaml
///       hardwares/<k>-<compiler>/<i>/… records.jsonl model.json validation.json
/// hwprof erases only what its own manifest lists, and only when told so with force. One process at a
/// time works in a run folder; a second one is refused with Error(Fault::usage).

struct GenerateOptions {
  std::string space_file;              ///< hwprof space, or aw_nas' first file
  std::string hardware_file;           ///< aw_nas' second file, or empty
  std::string dir;                     ///< result folder, created
  std::vector<std::string> compilers;  ///< besides those the files name
  int num_sample = -1;       ///< > 0: that many sampled architectures instead of packing; -1: as the files say
  bool isolated = false;     ///< a network for each primitive alone instead of packing, as nnabla-nas measures
  int calibration_nets = 0;  ///< sampled architectures to fit on, beside the packed nets
  int validation_nets = 0;   ///< sampled architectures kept out of the fit, each built and measured twice
  int image_size = 0;        ///< > 0 replaces the files' own
  int max_layers = 0;        ///< > 0 replaces the files' own
  std::uint64_t seed = 0;
  bool force = false;  ///< replace what an earlier call wrote here
};

struct GenerateSummary {
  std::size_t prims = 0, nets = 0;                            ///< primitives of the space; networks, repeats included
  std::size_t coverage = 0, calibration = 0, validation = 0;  ///< networks by purpose, repeats not counted
  AssembleSummary packing;
  std::vector<std::string> compiler_dirs;  ///< dir/hardwares/<k>-<compiler>
  std::vector<std::string> notes;          ///< what is not as it was asked for, e.g. a space with few networks
};

/// n architectures of the space that are pairwise different networks, drawn as generate() draws them; fewer where no
/// new one appears for so long that there is probably none.
[[nodiscard]] std::vector<Net> draw_networks(const MixinProfilingSearchSpace& space, std::uint64_t seed, std::size_t n);

/// Enumerates, packs and compiles (aw_nas' genprof). Sampled architectures are pairwise different
/// networks, over all purposes; a space with fewer of them is shared out, which the notes say.
/// A killed call is completed by the same call. @throws Error(Fault::usage) when dir holds anything and neither force
/// nor a matching earlier call explains it.
GenerateSummary generate(const GenerateOptions& options);

struct MeasureSummary {
  std::size_t nets = 0, measured = 0, unsteady = 0, failed = 0;
  std::size_t rounds = 0, samples = 0, dropped = 0;
  double seconds = 0;                 ///< of wall time spent measuring, over all calls
  double drift_spread = 0;            ///< relative standard deviation of the factor removed per round
  std::vector<std::string> failures;  ///< "net: reason"
};

/// The compiler folders of a run folder, in the order of their numbers.
[[nodiscard]] std::vector<std::string> compiler_dirs(const std::string& run_dir);

/// Measures every artifact of a compiler folder; goes on where an earlier call stopped.
MeasureSummary measure(const std::string& compiler_dir, const MeasureOptions& options);

/// Raw output of a compiler folder to records (aw_nas' parse, gen-1 net2primitive). compiler, if given, reads it in
/// place of the one that the folder names: "snpe:DSP" takes another runtime of results that hold several.
[[nodiscard]] std::vector<NetRecord> parse(const std::string& compiler_dir, const std::string& compiler = {});

/// What aw_nas' parse leaves, <dir>/<net>/0.yaml in milliseconds, of the records that have a latency;
/// returns how many that are. @throws Error(Fault::usage) when a file is there that hwprof did not write,
/// or is there at all without force.
std::size_t save_awnas_results(const std::string& dir, const std::vector<NetRecord>& records, bool force = false);

/// The space that a run folder was generated from.
[[nodiscard]] SpaceFile open_space(const std::string& run_dir);

/// Model kind, metric and preprocessors named by aw_nas' second file (hwperfmodel_type or hwobjmodel_type and its _cfg;
/// "regression" is "linear", "ofa" is "table", "table", "mlp" and "lstm" are themselves). A kind given here stands in
/// place of the file's, whose preprocessors do not count then. @throws Error(Fault::unsupported) for a kind that hwprof
/// has not, Error(Fault::input) with file:line.
[[nodiscard]] FitOptions load_fit_options(const std::string& hardware_file, const std::string& kind = {});

struct ProfileOptions {
  GenerateOptions generate;
  std::string device = "cpu";
  MeasureOptions measure;
  FitOptions fit;
  bool resume = false;  ///< go on in a folder that an earlier call with the same options left
};

struct ProfileSummary {
  GenerateSummary generated;
  MeasureSummary measured;
  Model model;
  Evaluation validation;           ///< n is 0 when no architecture was kept out of the fit
  double seconds = 0;              ///< wall time of this call
  std::vector<std::string> notes;  ///< what is not as it was asked for; generated.notes included
};

/// The main job: generate, measure, parse, fit, validate; every step's result is in the run folder.
/// Killed at any moment it is completed by the same call with resume; measured networks are not measured again.
/// generate.compilers and the compilers that the files name are not used: device is the one.
/// @throws Error(Fault::usage) for resume with other options than the folder was begun with, naming them,
/// and for a folder that holds a run when neither resume nor generate.force is set.
[[nodiscard]] ProfileSummary profile(const ProfileOptions& options);

}  // namespace hwprof
