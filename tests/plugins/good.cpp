// SPDX-License-Identifier: Apache-2.0
#include "hwprof/compiler.hpp"
#include "hwprof/search.hpp"

namespace {

class Nothing : public hwprof::BaseHardwareCompiler {
 public:
  [[nodiscard]] std::string name() const override { return "nothing"; }

 private:
  /// Something that the program itself does not use: it must find that there all the same.
  void do_compile(const hwprof::Artifact&) override { (void)hwprof::list_search_algorithms(); }
  void do_measure(const std::vector<hwprof::Artifact>&, const hwprof::MeasureOptions&) override {}
  [[nodiscard]] hwprof::NetRecord do_net_to_primitive(const hwprof::Artifact&) const override { return {}; }
};

}  // namespace

HWPROF_PLUGIN {
  hwprof::register_compiler("nothing", [](const std::string&) { return std::make_unique<Nothing>(); });
}
