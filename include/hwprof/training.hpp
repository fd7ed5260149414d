// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hwprof/data.hpp"
#include "hwprof/graph.hpp"

// How networks are trained, without naming the library that does it. The component torch brings one
// (register_torch_trainer() in torch.hpp).
namespace hwprof {

/// Stochastic gradient descent whose rate falls along half a cosine from `rate` at the first step to `last_rate` at the
/// last one of all epochs.
struct Schedule {
  int epochs = 1;
  double rate = 0.1, last_rate = 0.001;
  double momentum = 0.9, weight_decay = 1e-4;
};

/// ssprofile's numbers where it has some.
struct TrainSettings {
  Schedule first{1, 0.1, 0.001};      ///< base networks, from drawn weights
  Schedule finetune{1, 0.05, 0.001};  ///< the others, from their base network's weights
  int batch = 256;                    ///< images a step; of a remainder nothing is learned
  std::size_t images = 0;             ///< an epoch, drawn anew for each; 0: all
  std::size_t validation = 5000;      ///< images kept out, by which networks are compared
  Augmentation augmentation{4, true};
};

/// One epoch of the curve. accuracy: of the validation images, behind the epoch.
struct Epoch {
  double loss = 0, accuracy = 0, last_rate = 0, seconds = 0;
};

/// A network to be trained. Parameters are called as GraphModule calls them, "L3.dw.weight".
struct TrainJob {
  Graph graph;
  Shape input{1, 3, 32, 32};
  const DataSet* data = nullptr;
  const Split* split = nullptr;
  Schedule schedule;
  const TrainSettings* settings = nullptr;
  std::uint64_t seed = 0;
  std::string start;               ///< state dict to begin with; empty: drawn weights
  std::vector<std::string> fresh;  ///< ops with these prefixes ("L3.") are drawn all the same
  std::string checkpoint;          ///< gets the state dict when the last epoch is over
  std::string partial;             ///< gets what is needed to go on behind every other epoch; used when it is there
  std::function<void(std::size_t images)> learned;  ///< after every step
  std::function<bool()> stop;  ///< asked before every step; true ends the call with Error(Fault::interrupted)
};

struct TrainedNet {
  std::vector<Epoch> curve;
  std::size_t right = 0, images = 0;  ///< of the validation images behind the last epoch
};

/// Training-free scores of a drawn network on random inputs; higher is taken to be better.
struct ProxyScores {
  double naswot = 0;     ///< log determinant of the kernel of activation patterns (Mellor et al., ICML 2021)
  double grad_norm = 0;  ///< norm of the loss' gradient in all parameters (Abdelfattah et al., ICLR 2021)
};

/// Trains networks on one device. Results depend on nothing but the job: the same job gives the same numbers, whether
/// it was interrupted or not, on the same machine and library. Methods may be called from several threads at once where
/// parallel() says so.
class NetworkTrainer {
 public:
  virtual ~NetworkTrainer();
  [[nodiscard]] virtual std::string device() const = 0;
  [[nodiscard]] virtual bool parallel() const = 0;
  /// @throws Error(Fault::device) when the loss is no number any more, naming the epoch, or the library fails.
  virtual TrainedNet train(const TrainJob& job) = 0;
  /// Images of these indices that the network of a state dict classifies rightly.
  virtual std::size_t count_right(const Graph& graph, const Shape& input, const std::string& checkpoint,
                                  const DataSet& data, const ImageSet& images,
                                  const std::vector<std::uint32_t>& indices) = 0;
  /// The graph with the weights and running statistics of a state dict.
  /// @throws Error(Fault::input) for a file that is damaged or is of another network, naming the tensor.
  [[nodiscard]] virtual Graph with_checkpoint(const Graph& graph, const Shape& input,
                                              const std::string& checkpoint) = 0;
  virtual ProxyScores score(const Graph& graph, const Shape& input, std::uint64_t seed) = 0;
};

using NetworkTrainerFactory = std::function<std::unique_ptr<NetworkTrainer>(const std::string& device)>;
/// Not thread-safe; call it before the rest.
void register_network_trainer(NetworkTrainerFactory factory);
/// @throws Error(Fault::unsupported) when no library for it was registered.
[[nodiscard]] std::unique_ptr<NetworkTrainer> make_network_trainer(const std::string& device);

}  // namespace hwprof
