// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hwprof/net.hpp"
#include "hwprof/record.hpp"

namespace hwprof {

/// A network that has learned something, for compilers that hand weights on.
struct Trained {
  Graph graph;                          ///< lower(net), with weights
  std::vector<double> mean, deviation;  ///< of each channel of its images, pixels within 0 to 1; empty: not known
};

/// A compiled profiling network: a folder that the compiler owns. Raw device output lies in dir/raw,
/// whether written here or carried back from a board.
struct Artifact {
  Net net;
  std::string dir;
  std::shared_ptr<const Trained> trained = nullptr;  ///< while it is compiled, where weights were given
};
/// Its network as ops, with the weights that it was given.
[[nodiscard]] Graph graph_of(const Artifact& artifact);

/// How far a long job is.
struct Progress {
  double done = 0, total = 0;  ///< seconds of the budget, or pieces of work
  double eta_s = 0;            ///< expected seconds to the end; 0 when unknown
  std::string what;            ///< what is being done, for a person
};

struct MeasureOptions {
  int batch = 1;                   ///< images per forward, of networks that do not say
  std::string mode = "inference";  ///< or "train", of networks that do not say
  bool till_first_fail = false;    ///< try no larger batch of a network (its Net::arch) that ran out of memory
  int threads = 1;                 ///< intra-op threads, pinned where the system lets us
  bool channels_last = false;      ///< NHWC memory layout
  double max_rel_ci = 0.01;        ///< a net is steady when half the 95 % interval of its median is below; 0.01 is 1 %
  double budget_s = 60;            ///< wall time for all nets together; what is not steady by then is `unsteady`
  std::uint64_t seed = 0;          ///< order of visits
  /// What only this device knows, by name: {"runtime", "GPU,DSP"}. A compiler refuses names that it does not know.
  std::map<std::string, std::string> device_options;
  std::function<void(const Progress&)> progress;  ///< called from the measuring thread
  std::function<bool()> stop;  ///< asked between visits; true ends the call with Error(Fault::interrupted)
};

/// A device and its tool chain, as three steps that meet only in files. A step that cannot be done
/// here throws Error(Fault::unsupported) and says where and how to do it.
class BaseHardwareCompiler {
 public:
  virtual ~BaseHardwareCompiler();
  [[nodiscard]] virtual std::string name() const = 0;

  /// Whether do_measure() trains, and takes networks of any Net::batch and Net::mode in one call. Of others it gets
  /// networks of one batch at a time, in options.batch, and training is refused.
  [[nodiscard]] virtual bool can_train() const { return false; }

  /// Whether what it writes for the device holds weights; others draw what they need when they measure.
  [[nodiscard]] virtual bool takes_weights() const { return false; }

  /// Writes everything the device needs to run net into dir (created if need be), dir/net.yaml included.
  /// A folder that already holds the same net is left alone. Without `trained` weights are drawn, which changes no
  /// time.
  /// @throws Error(Fault::usage) when dir holds something else, or `trained` is another network.
  Artifact compile(const Net& net, const std::string& dir, std::shared_ptr<const Trained> trained = nullptr);

  /// The artifact that compile() left in dir. @throws Error(Fault::missing) when there is none.
  [[nodiscard]] static Artifact open(const std::string& dir);

  /// What measure() looks at first, for callers that do something long before. Needs no device.
  /// @throws Error(Fault::usage) for options that make no sense, and for device_options that this device lacks.
  void check_options(const MeasureOptions& options) const;

  /// Runs all artifacts in interleaved rounds and appends to dir/raw as it goes; a second call goes on
  /// where the first was stopped or killed and measures nothing twice. A net that fails is noted in its
  /// own dir/raw and does not stop the others.
  void measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options = {});

  /// Device output to primitives: reads dir/raw only, never touches the device. Every second of the
  /// network's total is attributed to exactly one layer, or to the overhead where the device tells it apart. A net that
  /// was not or not well measured gives a record with that state and the reason.
  [[nodiscard]] NetRecord hwobj_net_to_primitive(const Artifact& artifact) const;

 private:
  virtual void do_check_options(const MeasureOptions&) const {}
  virtual void do_compile(const Artifact& artifact) = 0;
  virtual void do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) = 0;
  [[nodiscard]] virtual NetRecord do_net_to_primitive(const Artifact& artifact) const = 0;
};

using CompilerFactory = std::function<std::unique_ptr<BaseHardwareCompiler>(const std::string& name)>;

/// By name, "cpu" or "cuda:0": the part before a colon picks the factory, which gets the whole name.
/// @throws Error(Fault::usage) for an unknown name, with the known ones and how to get more.
[[nodiscard]] std::unique_ptr<BaseHardwareCompiler> make_compiler(const std::string& name);
void register_compiler(const std::string& name, CompilerFactory make);
[[nodiscard]] std::vector<std::string> list_compilers();

/// Number that a plug-in and the program must share; raised when a class of this header changes.
inline constexpr int plugin_abi = 5;

/// Loads a shared library that defines HWPROF_PLUGIN. A bare file name is looked for in the folders of
/// the environment variable HWPROF_PLUGIN_PATH and nowhere else; anything with a slash is that file.
/// @throws Error(Fault::usage) when it is not found, Error(Fault::unsupported) when it is not a plug-in
/// of this ABI, with both numbers.
void load_plugin(const std::string& library);

/// Put once into a plug-in: HWPROF_PLUGIN { hwprof::register_compiler("mine", …); }
#define HWPROF_PLUGIN                                                         \
  extern "C" __attribute__((visibility("default"))) int hwprof_plugin_abi() { \
    return hwprof::plugin_abi;                                                \
  }                                                                           \
  extern "C" __attribute__((visibility("default"))) void hwprof_plugin_init()

}  // namespace hwprof
