// SPDX-License-Identifier: Apache-2.0
#include "run/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/version.hpp"

namespace hwprof::run {
namespace fs = std::filesystem;
namespace {

constexpr const char* schema = "hwprof.run";
constexpr int schema_version = 1;

/// "threads (1 then, 2 now)" for every option that is not the same in both.
std::vector<std::string> differences(const base::Json& then, const base::Json& now) {
  const auto value = [](const base::Json& options, const std::string& name) {
    const auto at = options.find(name);
    return at == options.end() ? std::string("not given") : at->dump();
  };
  std::vector<std::string> out;
  const auto compare = [&](const std::string& name) {
    const std::string was = value(then, name);
    const std::string is = value(now, name);
    if (was != is) out.push_back(name + " (" + was + " then, " + is + " now)");
  };
  for (const auto& item : now.items()) compare(item.key());
  for (const auto& item : then.items())
    if (!now.contains(item.key())) compare(item.key());
  return out;
}

std::string made(const std::string& dir) {
  if (dir.empty()) throw Error(Fault::usage, "a result folder must be given");
  base::make_folder(dir);
  return dir;
}

std::string some(const std::vector<std::string>& names) {
  constexpr std::size_t most = 3;
  if (names.size() <= most) return base::join(names, ", ");
  return base::join({names.begin(), names.begin() + most}, ", ") + " and " + std::to_string(names.size() - most) +
         " more";
}

/// Files of others beside compiled networks, which could not be compiled again there; what lies in raw/ can stay.
std::vector<std::string> unknown_in_artifacts(const base::Manifest& manifest) {
  std::vector<std::string> names;
  for (const auto& name : manifest.strangers()) {
    const auto parts = base::split(name, '/');  // hardwares/0-cpu/12/…
    constexpr std::size_t in_artifact = 3;
    if (parts.size() > in_artifact && parts[0] == hardwares_folder && parts[in_artifact] != "raw")
      names.push_back(name);
  }
  return names;
}

}  // namespace

Folder::Folder(const std::string& dir) : dir_(made(dir)), manifest_(dir_) {
  // A lock of the folder itself leaves no file behind and goes with the process, however that ends.
  lock_ = ::open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(lock_);
    throw Error(Fault::usage, dir_ + ": another hwprof process is working in this folder");
  }
  manifest_ = base::Manifest(dir_);  // as the process before left it
  if (!manifest_.empty()) base::sweep_folder(dir_);
}

Folder::~Folder() {
  if (lock_ >= 0) ::close(lock_);
}

std::string Folder::path(const std::string& relative) const {
  return (fs::path(dir_) / relative).string();
}

void Folder::begin(const base::Json& options, const std::string& fingerprint, Earlier earlier, bool replaceable) {
  if (manifest_.empty()) {
    const auto found = manifest_.foreign();
    if (!found.empty())
      throw Error(Fault::usage, dir_ + ": the folder is not empty and was not written by hwprof (it holds " +
                                    some(found) + "); choose another one");
  } else if (earlier == Earlier::replace) {
    const auto in_the_way = unknown_in_artifacts(manifest_);
    if (!in_the_way.empty())
      throw Error(Fault::usage, dir_ + ": holds files among its compiled networks that hwprof did not write (" +
                                    some(in_the_way) + "); move them away to replace the run");
    manifest_.erase_listed();
  } else if (base::exists(path(run_file))) {
    const auto then = read_run(dir_);
    const auto changed = differences(then["options"].raw(), options);
    const bool same_space = then["space_fingerprint"].text() == fingerprint;
    if (!changed.empty() || !same_space)
      throw Error(Fault::usage, dir_ + ": the folder holds a run with " +
                                    (changed.empty() ? "other primitives or networks: the space has changed since"
                                                     : "other options: " + base::join(changed, ", ")) +
                                    "; give the same again" +
                                    (replaceable ? ", choose another folder or replace the run with --force"
                                                 : " or choose another folder"));
    if (earlier == Earlier::refuse)
      throw Error(Fault::usage, dir_ + ": the folder holds a run already; --resume goes on with it" +
                                    (replaceable ? ", --force replaces it" : ""));
  }
  note(run_file);
  base::save_json(path(run_file), base::Json{{"schema", std::string(schema) + "/" + std::to_string(schema_version)},
                                             {"version", version},
                                             {"space_fingerprint", fingerprint},
                                             {"options", options}});
}

void Folder::note(const std::vector<std::string>& relative) {
  for (const auto& name : relative)
    if (!manifest_.lists(name) && base::exists(path(name)))
      throw Error(Fault::usage, path(name) + ": is there already and was not written by hwprof; move it away");
  manifest_.add(relative);
}

base::JsonReader read_run(const std::string& dir) {
  const std::string file = (fs::path(dir) / run_file).string();
  if (!base::exists(file)) throw Error(Fault::input, dir + ": is not a run folder of hwprof (it has no run.json)");
  auto json = base::JsonReader::load(file);
  json.schema(schema, schema_version);
  (void)json["options"].items();
  return json;
}

}  // namespace hwprof::run
