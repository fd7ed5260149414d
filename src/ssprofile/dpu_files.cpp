// SPDX-License-Identifier: Apache-2.0
// ssprofile's folders beside the artifact folders of the device dpu.
#include <filesystem>
#include <functional>

#include "base/files.hpp"
#include "base/json.hpp"
#include "compiler/dpu_deploy.hpp"
#include "compiler/dpu_state.hpp"
#include "hwprof/error.hpp"
#include "ssprofile/job.hpp"

namespace hwprof::ssprofiling {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t largest_log = std::uint64_t{1} << 30, largest_file = std::uint64_t{1} << 34;

/// A file, or a folder with something in it.
bool is_there(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return !fs::is_empty(path, error) && !error;
  return base::has_content(path.string());
}

/// One file by two names, or two with the same in them.
bool same(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  return base::has_content(a.string()) && base::has_content(b.string()) && fs::file_size(a) == fs::file_size(b) &&
         base::read_file(a.string(), largest_file) == base::read_file(b.string(), largest_file);
}

/// The files of a folder as a whole, by other names.
void share_folder(const fs::path& from, const fs::path& to) {
  const fs::path part = to.string() + ".part";
  fs::remove_all(part);
  base::make_folder(part.string());
  for (const auto& name : base::list_folder(from.string()))
    if (fs::is_regular_file(from / name)) base::share_file((from / name).string(), (part / name).string());
  std::error_code ignored;
  fs::remove(to, ignored);  // empty
  fs::rename(part, to);
}

/// What is to be written: listed as a whole first.
class Deeds {
 public:
  explicit Deeds(run::Folder& folder) : folder_(folder) {}
  [[nodiscard]] bool is_ours(const fs::path& path) const { return folder_.manifest().lists(relative(path)); }

  void add(const fs::path& to, std::function<void()> deed) {
    listed_.push_back(relative(to));
    deeds_.push_back(std::move(deed));
  }
  /// A file or folder gets another name; the folder above is made.
  void share(const fs::path& from, const fs::path& to) {
    const bool whole = fs::is_directory(from);
    if (whole) {
      for (const auto& name : base::list_folder(from.string())) listed_.push_back(relative(to / name));
      return deeds_.push_back([from, to] {
        base::make_folder(to.parent_path().string());
        share_folder(from, to);
      });
    }
    add(to, [from, to] {
      base::make_folder(to.parent_path().string());
      base::share_file(from.string(), to.string());
    });
  }
  void run() {
    folder_.manifest().add(listed_);
    for (const auto& deed : deeds_) deed();
  }

 private:
  [[nodiscard]] std::string relative(const fs::path& path) const {
    return fs::absolute(path)
        .lexically_normal()
        .lexically_relative(fs::absolute(folder_.path(".")).lexically_normal().parent_path())
        .string();
  }

  run::Folder& folder_;
  std::vector<std::string> listed_;
  std::vector<std::function<void()>> deeds_;
};

class Names {
 public:
  Names(const Job& job, const SsbnNet& net, const std::string& artifact, Deeds& deeds)
      : job_(job), net_(net), id_(net.id), artifact_(artifact), deeds_(deeds) {}

  /// Why what was carried here cannot be taken; empty when it can, or nothing was.
  [[nodiscard]] std::string share() const {
    using namespace compiling;
    renew(artifact_ / deploy_prototxt, at("caffemodels", ".prototxt"));
    renew(artifact_ / calibration_prototxt, at("caffemodels", ".calibration.prototxt"));
    renew(artifact_ / caffemodel, at("caffemodels", ".caffemodel"));
    write_conversion();
    const DpuJob dpu_job{id_, artifact_.string()};
    auto options = read_dpu_options(job_.options.measure);
    both(quantized_folder, at("vitis", "_quantize"), has_output(DpuStep::quantize, dpu_job, options));
    std::string refused;
    for (const std::string mode : {"debug", "normal"}) {
      const std::string more = mode == "debug" ? "" : "_normal";
      options.modes = {mode};
      both(compiled_folder(mode), at("vitis", "_compile" + more), has_output(DpuStep::compile, dpu_job, options));
      if (const auto why = share_result(mode); !why.empty()) refused = why;
      renew(artifact_ / ("raw/compile-" + mode + ".log"), at("log_files", ".compile" + more + ".log"));
    }
    renew(artifact_ / "raw/quantize.log", at("log_files", ".quantize.log"));
    return refused;
  }

 private:
  [[nodiscard]] fs::path at(const std::string& folder, const std::string& suffix) const {
    return job_.folder.path(folder + "/" + id_ + suffix);
  }

  /// The file at `to` becomes the one at `from`, as it is now, unless somebody else put it there.
  void renew(const fs::path& from, const fs::path& to) const {
    if (!base::has_content(from.string()) || same(from, to)) return;
    if (!base::exists(to.string()) || deeds_.is_ours(to)) deeds_.share(from, to);
  }

  /// Whichever of the two folders has something lends it to the other. What is carried here file by file is taken as
  /// long as ours lacks what the program makes.
  void both(const std::string& own, const fs::path& other, bool is_whole) const {
    const fs::path mine = artifact_ / own;
    if (is_there(mine) != is_there(other))
      return is_there(mine) ? deeds_.share(mine, other) : deeds_.share(other, mine);
    if (is_whole || !is_there(other)) return;
    for (const auto& name : base::list_folder(other.string()))
      if (base::has_content((other / name).string()) && !base::has_content((mine / name).string()))
        deeds_.share(other / name, mine / name);
  }

  /// What lies in vitis/ counts: whoever carries or mends a result does it there. It is looked at before it is taken.
  [[nodiscard]] std::string share_result(const std::string& mode) const {
    const fs::path other = at("vitis", mode == "debug" ? ".latency.txt" : ".normal.txt");
    const fs::path mine = artifact_ / compiling::result_file(id_, mode);
    if (!base::has_content(other.string())) {
      if (base::has_content(mine.string())) deeds_.share(mine, other);
      return {};
    }
    if (same(other, mine)) return {};
    try {
      check(other.string(), mode);
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      const std::string file = other.string(), what = error.what();
      return what.find(file) == std::string::npos ? file + ": " + what : what;
    }
    deeds_.share(other, mine);
    deeds_.add(artifact_ / "raw/dpu.json", [dir = artifact_.string()] {  // it was measured by somebody else now
      auto state = compiling::load_state(dir);
      state.steps.erase(DpuStep::deploy);
      state.steps.erase(DpuStep::measure);
      compiling::save_state(dir, state);
    });
    return {};
  }

  void check(const std::string& file, const std::string& mode) const {
    if (mode == "normal") {
      (void)compiling::parse_normal_runs(base::read_file(file, largest_log), file);
      return;
    }
    auto record = compiling::load_result(file, {id_, artifact_.string()}, nullptr);
    compiling::give_layers(job_.network(net_), record, nullptr);
  }

  void write_conversion() const {
    const fs::path log = at("log_files", ".convert.log");
    if (base::has_content(log.string())) return;
    const auto json = base::JsonReader::load((artifact_ / compiling::export_file).string());
    const std::string weights = job_.has_weights(id_) ? "weights of checkpoints/" + id_ + ".state_dict.pth"
                                                      : "drawn weights, as there is no checkpoint";
    const std::string text = json.has("refused") ? "refused: " + json["refused"].text() + "\n"
                                                 : "caffemodels/" + id_ + ".prototxt, .caffemodel: " + weights + "\n";
    deeds_.add(log, [file = log.string(), text] { base::write_file(file, text); });
  }

  const Job& job_;
  const SsbnNet& net_;
  const std::string& id_;
  const fs::path artifact_;
  Deeds& deeds_;
};

}  // namespace

std::map<std::string, std::string> share_dpu_files(const Job& job, const std::vector<std::string>& artifacts) {
  std::map<std::string, std::string> refused;
  try {
    Deeds deeds(job.folder);
    for (std::size_t i = 0; i < job.nets.size(); ++i)
      if (const auto why = Names(job, job.nets[i], artifacts.at(i), deeds).share(); !why.empty())
        refused[job.nets[i].id] = why;
    deeds.run();
  } catch (const fs::filesystem_error& error) {
    throw Error(Fault::input, error.what());
  }
  return refused;
}

}  // namespace hwprof::ssprofiling
