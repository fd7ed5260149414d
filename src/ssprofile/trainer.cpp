// SPDX-License-Identifier: Apache-2.0
#include "hwprof/error.hpp"
#include "hwprof/training.hpp"

namespace hwprof {
namespace {

NetworkTrainerFactory& factory() {
  static NetworkTrainerFactory registered;
  return registered;
}

}  // namespace

NetworkTrainer::~NetworkTrainer() = default;

void register_network_trainer(NetworkTrainerFactory made) {
  factory() = std::move(made);
}

std::unique_ptr<NetworkTrainer> make_network_trainer(const std::string& device) {
  if (!factory())
    throw Error(Fault::unsupported,
                "training needs libtorch, which this build is without; install it (Debian: libtorch-dev) and configure "
                "with -DHWPROF_TORCH=ON, or leave training out (dry run, or objective macs or params)");
  return factory()(device);
}

}  // namespace hwprof
