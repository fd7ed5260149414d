// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace fs = std::filesystem;
namespace {

constexpr const char* path_variable = "HWPROF_PLUGIN_PATH";

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// An absolute path, so that the dynamic linker does not search its own folders.
std::string find(const std::string& library) {
  if (library.empty() || library.find('\0') != std::string::npos)
    throw Error(Fault::usage, "plug-in " + base::in_quotes(library) + ": a file name is expected");
  if (library.find('/') != std::string::npos) {
    if (!is_file(library)) throw Error(Fault::usage, "plug-in " + base::in_quotes(library) + ": no such file");
    return fs::canonical(library).string();
  }
  const char* folders = std::getenv(path_variable);
  for (const std::string& folder : base::split(folders == nullptr ? "" : folders, ':')) {
    if (folder.empty()) continue;
    const fs::path file = fs::path(folder) / library;
    if (is_file(file)) return fs::canonical(file).string();
  }
  throw Error(Fault::usage, "plug-in " + base::in_quotes(library) + ": in no folder of " + path_variable +
                                (folders == nullptr ? ", which is not set" : " (" + std::string(folders) + ")") +
                                "; write ./" + library + " for a file of the working folder");
}

template <typename Function>
Function symbol(void* handle, const char* name) {
  return reinterpret_cast<Function>(::dlsym(handle, name));
}

}  // namespace

void load_plugin(const std::string& library) {
  static std::mutex mutex;
  static std::set<void*> begun;
  const std::lock_guard lock(mutex);
  const std::string file = find(library);
  const auto refuse = [&file](const std::string& what) { throw Error(Fault::unsupported, file + ": " + what); };
  // Never closed: what it registered points into it.
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    refuse(std::string("cannot be loaded: ") + (reason == nullptr ? "reason unknown" : reason));
  }
  if (begun.count(handle) != 0) return;
  const auto abi = symbol<int (*)()>(handle, "hwprof_plugin_abi");
  const auto init = symbol<void (*)()>(handle, "hwprof_plugin_init");
  if (abi == nullptr || init == nullptr) refuse("is no plug-in of hwprof (it does not define HWPROF_PLUGIN)");
  const int theirs = abi();
  if (theirs != plugin_abi)
    refuse("is a plug-in of ABI " + std::to_string(theirs) + ", this program has ABI " + std::to_string(plugin_abi) +
           "; build it against this version's headers");
  init();
  begun.insert(handle);
}

}  // namespace hwprof
