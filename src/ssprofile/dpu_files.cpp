// SPDX-License-Identifier: Apache-2.0
// ssprofile's folders beside the artifact folders of the device dpu.
#include <filesystem>

#include "base/files.hpp"
#include "base/json.hpp"
#include "compiler/dpu_deploy.hpp"
#include "compiler/dpu_state.hpp"
#include "hwprof/error.hpp"
#include "ssprofile/job.hpp"

namespace hwprof::ssprofiling {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 34, largest_log = std::uint64_t{1} << 30;

bool has_content(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return !fs::is_empty(path, error) && !error;
  return fs::is_regular_file(path, error) && fs::file_size(path, error) > 0 && !error;
}

/// A second name of a file, or a copy where the file system has no such thing.
void link(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (error) base::write_file(to.string(), base::read_file(from.string(), largest_file));
}

/// What is at `from` appears, as a whole, at `to` too. Nothing that is there is touched.
void give(const fs::path& from, const fs::path& to) {
  if (!has_content(from) || has_content(to)) return;
  base::make_folder(to.parent_path().string());
  std::error_code ignored;
  fs::remove(to, ignored);  // empty: no output of any program, and no folder with something in it
  if (!fs::is_directory(from)) return link(from, to);
  const fs::path part = to.string() + ".part";
  fs::remove_all(part);
  base::make_folder(part.string());
  for (const auto& name : base::list_folder(from.string()))
    if (fs::is_regular_file(from / name)) link(from / name, part / name);
  fs::rename(part, to);
}

/// The file at `to` is the one at `from`, as it is now.
void renew(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  if (!has_content(from) || fs::equivalent(from, to, ignored)) return;
  base::make_folder(to.parent_path().string());
  fs::remove(to, ignored);
  link(from, to);
}

class Names {
 public:
  Names(const Job& job, const std::string& id, const std::string& artifact) : job_(job), id_(id), artifact_(artifact) {}

  void share() const {
    using namespace compiling;
    renew(artifact_ / deploy_prototxt, at("caffemodels", ".prototxt"));
    renew(artifact_ / calibration_prototxt, at("caffemodels", ".calibration.prototxt"));
    renew(artifact_ / caffemodel, at("caffemodels", ".caffemodel"));
    write_conversion();
    both(quantized_folder, at("vitis", "_quantize"));
    for (const std::string mode : {"debug", "normal"}) {
      const std::string more = mode == "debug" ? "" : "_normal";
      both(compiled_folder(mode), at("vitis", "_compile" + more));
      share_result(mode);
      renew(artifact_ / ("raw/compile-" + mode + ".log"), at("log_files", ".compile" + more + ".log"));
    }
    renew(artifact_ / "raw/quantize.log", at("log_files", ".quantize.log"));
  }

 private:
  [[nodiscard]] fs::path at(const std::string& folder, const std::string& suffix) const {
    return job_.folder.path(folder + "/" + id_ + suffix);
  }
  /// Whichever of the two names has something lends it to the other.
  void both(const std::string& own, const fs::path& other) const {
    give(artifact_ / own, other);
    give(other, artifact_ / own);
  }

  /// What was put there by hand must hold times.
  void share_result(const std::string& mode) const {
    const fs::path other = at("vitis", mode == "debug" ? ".latency.txt" : ".normal.txt");
    const std::string own = compiling::result_file(id_, mode), file = other.string();
    if (has_content(other) && !has_content(artifact_ / own)) {
      if (mode == "debug")
        (void)compiling::load_result(file, {id_, artifact_.string()}, nullptr);
      else
        (void)compiling::parse_normal_runs(base::read_file(file, largest_log), file);
    }
    both(own, other);
  }

  void write_conversion() const {
    const fs::path log = at("log_files", ".convert.log");
    if (has_content(log)) return;
    const auto json = base::JsonReader::load((artifact_ / compiling::export_file).string());
    const std::string weights = job_.has_weights(id_) ? "weights of checkpoints/" + id_ + ".state_dict.pth"
                                                      : "drawn weights, as there is no checkpoint";
    base::write_file(log.string(), json.has("refused")
                                       ? "refused: " + json["refused"].text() + "\n"
                                       : "caffemodels/" + id_ + ".prototxt, .caffemodel: " + weights + "\n");
  }

  const Job& job_;
  const std::string& id_;
  const fs::path artifact_;
};

}  // namespace

void share_dpu_files(const Job& job, const std::vector<std::string>& artifacts) {
  for (std::size_t i = 0; i < job.nets.size(); ++i) Names(job, job.nets[i].id, artifacts.at(i)).share();
}

}  // namespace hwprof::ssprofiling
