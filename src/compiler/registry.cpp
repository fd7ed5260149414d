// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <mutex>

#include "base/text.hpp"
#include "compiler/dpu_compiler.hpp"
#include "compiler/onnxruntime.hpp"
#include "compiler/snpe_compiler.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, CompilerFactory> factories{
      {"dpu", compiling::make_dpu}, {"onnxruntime", compiling::make_onnxruntime}, {"snpe", compiling::make_snpe}};
};

Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

void register_compiler(const std::string& name, CompilerFactory make) {
  if (name.empty() || name.find_first_of(":/ \t\r\n") != std::string::npos)
    throw Error(Fault::usage, "compiler name " + base::in_quotes(name) + " must be a word without colon or slash");
  if (!make) throw Error(Fault::usage, "compiler " + base::in_quotes(name) + " has no factory");
  const std::lock_guard lock(registry().mutex);
  registry().factories[name] = std::move(make);
}

std::vector<std::string> list_compilers() {
  const std::lock_guard lock(registry().mutex);
  std::vector<std::string> names;
  for (const auto& [name, factory] : registry().factories) names.push_back(name);
  return names;
}

std::unique_ptr<BaseHardwareCompiler> make_compiler(const std::string& name) {
  const std::string word = name.substr(0, name.find(':'));
  CompilerFactory make;
  {
    const std::lock_guard lock(registry().mutex);
    const auto found = registry().factories.find(word);
    if (found != registry().factories.end()) make = found->second;
  }
  if (!make)
    throw Error(Fault::usage, "unknown compiler " + base::in_quotes(name) + base::suggest(word, list_compilers()) +
                                  "; cpu and cuda come with the component torch, opencv with the component opencv, "
                                  "others with a plug-in "
                                  "(--plugin, HWPROF_PLUGIN_PATH)");
  auto compiler = make(name);
  if (!compiler) throw Error(Fault::internal, "the factory of compiler " + base::in_quotes(word) + " made nothing");
  return compiler;
}

}  // namespace hwprof
