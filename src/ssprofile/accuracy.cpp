// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <filesystem>
#include <limits>
#include <mutex>
#include <new>
#include <numeric>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "hwprof/error.hpp"
#include "ssprofile/accuracy_file.hpp"
#include "ssprofile/job.hpp"

namespace hwprof::ssprofiling {
namespace {

Work work_of(const Net& net) {
  Work sum;
  for (const auto& work : count_work(lower(net), {1, net.image_channels, net.image_size, net.image_size}))
    sum = sum + work;
  return sum;
}

AccuracyRow named(const Job& job, const SsbnNet& net) {
  const Work work = work_of(job.network(net));
  AccuracyRow row;
  row.id = net.id;
  row.params = work.params;
  row.macs = work.macs;
  return row;
}

/// Shows how far all networks together are.
class Pace {
 public:
  Pace(const Job& job, double total) : job_(job), total_(total) {}

  void done(double images, const std::string& what, bool now) {
    if (!job_.options.progress) return;
    const std::lock_guard<std::mutex> guard(mutex_);
    done_ += images;
    if (!now) skipped_ += images;
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin_;
    const double worked = done_ - skipped_;
    const double eta_s = worked > 0 ? spent.count() * (total_ - done_) / worked : 0;
    job_.options.progress({done_, total_, eta_s, what});
  }

 private:
  const Job& job_;
  double total_, done_ = 0, skipped_ = 0;  ///< images; skipped: of networks that an earlier call trained
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
};

class Training {
 public:
  explicit Training(const Job& job)
      : job_(job),
        settings_(job.config.train),
        trainer_(make_network_trainer(job.options.train_device)),
        data_(*job.data),
        split_(split_images(data_.train, settings_.validation, job.options.seed)),
        each_(static_cast<double>(settings_.images > 0 ? std::min(settings_.images, split_.train.size())
                                                       : split_.train.size())),
        pace_(job, total()) {
    check_same_data();
  }

  std::vector<AccuracyRow> run() {
    std::vector<AccuracyRow> rows;
    std::vector<std::size_t> bases, others;
    for (std::size_t i = 0; i < job_.nets.size(); ++i) {
      rows.push_back(named(job_, job_.nets[i]));
      (job_.nets[i].group < 0 ? bases : others).push_back(i);
    }
    train_all(bases, rows);
    train_all(others, rows);
    return rows;
  }

 private:
  [[nodiscard]] std::string path(const std::string& relative) const { return job_.folder.path(relative); }
  [[nodiscard]] std::string result_file(const std::string& id) const {
    return path(std::string(accuracy_folder) + "/" + id + ".json");
  }
  [[nodiscard]] std::string checkpoint(const std::string& id) const { return job_.checkpoint(id); }
  [[nodiscard]] const Schedule& schedule(const SsbnNet& net) const {
    return net.group < 0 ? settings_.first : settings_.finetune;
  }
  [[nodiscard]] double total() const {
    double sum = 0;
    for (const auto& net : job_.nets) sum += schedule(net).epochs * each_;
    return sum;
  }

  /// The options are compared by run.json; the images behind a name may have changed as well.
  void check_same_data() const {
    const std::string file = path(data_file);
    const base::Json json{{"schema", "hwprof.data/1"},
                          {"name", data_.name},
                          {"fingerprint", data_.fingerprint},
                          {"mean", data_.mean},
                          {"deviation", data_.deviation}};
    if (base::exists(file)) {
      const auto before = base::JsonReader::load(file);
      if (before["fingerprint"].text() != data_.fingerprint)
        throw Error(Fault::usage, file + ": the folder was begun with other images than " + data_.name + " holds now");
      if (before.has("mean") && before.has("deviation")) return;  // not by an older version
    }
    base::save_json(file, json);
  }

  void train_all(const std::vector<std::size_t>& indices, std::vector<AccuracyRow>& rows) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr problem;
    std::mutex mutex;
    const int jobs = trainer_->parallel() ? std::min(job_.options.jobs, static_cast<int>(indices.size())) : 1;
    base::in_threads(std::max(1, jobs), [&](int) {
      try {
        for (std::size_t k = next++; k < indices.size(); k = next++) {
          check_stop(job_);
          const auto& net = job_.nets[indices[k]];
          auto row = base::exists(result_file(net.id)) ? found(net) : trained(net);
          row.params = rows[indices[k]].params;
          row.macs = rows[indices[k]].macs;
          rows[indices[k]] = std::move(row);
        }
      } catch (...) {
        next = indices.size();
        const std::lock_guard<std::mutex> guard(mutex);
        if (!problem) problem = std::current_exception();
      }
    });
    if (problem) std::rethrow_exception(problem);
  }

  AccuracyRow found(const SsbnNet& net) {
    auto row = load_accuracy(result_file(net.id), net.id);
    pace_.done(schedule(net).epochs * each_, net.id, false);
    return row;
  }

  /// Only what would be the same the next time is put down: whoever goes on may have more memory.
  AccuracyRow trained(const SsbnNet& net) {
    const Net network = job_.network(net);
    TrainJob job;
    job.graph = lower(network);
    job.input = {1, network.image_channels, network.image_size, network.image_size};
    job.data = &data_;
    job.split = &split_;
    job.schedule = schedule(net);
    job.settings = &settings_;
    job.seed = mixed(job_.options.seed, net.id);
    job.checkpoint = checkpoint(net.id);
    job.partial = path(std::string(checkpoint_folder) + "/" + net.id + ".partial");
    job.stop = job_.options.stop;
    job.learned = [&](std::size_t images) { pace_.done(static_cast<double>(images), net.id, true); };
    AccuracyRow row;
    row.id = net.id;
    try {
      if (net.group >= 0) start_from_base(net, job);
      const TrainedNet result = trainer_->train(job);
      row.curve = result.curve;
      row.right = result.right;
      row.images = result.images;
      if (net.group < 0) test(job, row);
    } catch (const Error& error) {
      const Fault fault = error.fault();
      // A damaged file or a full disk says nothing of the network, which would be lost to later calls.
      if (fault == Fault::interrupted || fault == Fault::internal || fault == Fault::input) throw;
      row.failure = error.what();
      if (fault == Fault::missing) return row;  // its base network, which may be trained yet
    } catch (const std::bad_alloc&) {
      row.failure = "ran out of memory";
      return row;
    }
    base::write_file(path(std::string(checkpoint_folder) + "/" + net.id + ".repr.txt"), text_of(network));
    save_accuracy(result_file(net.id), row);
    std::error_code ignored;
    std::filesystem::remove(job.partial, ignored);  // ours, and of no use any more
    return row;
  }

  void start_from_base(const SsbnNet& net, TrainJob& job) const {
    const auto base = std::find_if(job_.nets.begin(), job_.nets.end(),
                                   [&](const SsbnNet& other) { return other.family == net.family && other.group < 0; });
    job.start = checkpoint(base->id);
    if (!base::exists(job.start))
      throw Error(Fault::missing, "its base network " + base::in_quotes(base->id) + " was not trained");
    std::vector<std::size_t> layers;
    (void)ssbn_network(job_.config.space, net, &layers);
    for (std::size_t l = 0; l < layers.size(); ++l)
      if (job_.config.space.layers[l].group == static_cast<std::size_t>(net.group))
        job.fresh.push_back("L" + std::to_string(layers[l]) + ".");
  }

  void test(const TrainJob& job, AccuracyRow& row) {
    std::vector<std::uint32_t> all(data_.test.count());
    std::iota(all.begin(), all.end(), 0U);
    row.test_right = trainer_->count_right(job.graph, job.input, job.checkpoint, data_, data_.test, all);
    row.test_images = all.size();
  }

  static std::string text_of(const Net& net) {
    std::string out = net.id + "\n";
    for (std::size_t i = 0; i < net.layers.size(); ++i)
      out += "L" + std::to_string(i) + " " + to_string(net.layers[i].prim) + "\n";
    return out;
  }

  const Job& job_;
  const TrainSettings& settings_;
  std::unique_ptr<NetworkTrainer> trainer_;
  const DataSet& data_;
  Split split_;
  double each_;  ///< images an epoch
  Pace pace_;
};

}  // namespace

bool Job::has_weights(const std::string& id) const {
  return options.objective == "accuracy" && !options.dry_accuracy && base::exists(checkpoint(id));
}

std::uint64_t mixed(std::uint64_t seed, const std::string& text) {
  std::uint64_t state = 0xcbf29ce484222325U ^ (seed * 0x9e3779b97f4a7c15U);
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  state ^= state >> 32;
  state *= 0xd6e8feb86659fd93U;
  return state ^ state >> 32;
}

double random_unit(std::uint64_t seed, const std::string& text) {
  return static_cast<double>(mixed(seed, text) >> 11) * 0x1p-53;
}

void check_stop(const Job& job) {
  if (job.options.stop && job.options.stop())
    throw Error(Fault::interrupted, job.options.dir + ": stopped on request; what was done is kept");
}

Measured share(std::size_t right, std::size_t images) {
  constexpr double z = 1.959963984540054;
  const auto n = static_cast<double>(images);
  const double p = static_cast<double>(right) / n;
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {p, half, static_cast<std::int64_t>(images), 0};
}

DataSet load_images(const SsprofileOptions& options, const SsprofileConfig& config) {
  auto data = load_data(options.data.empty() ? config.data : options.data,
                        {config.space.image_channels, config.space.image_size});
  if (data.train.classes > config.space.num_classes)
    throw Error(Fault::input, data.name + " has " + std::to_string(data.train.classes) +
                                  " classes, but the networks tell " + std::to_string(config.space.num_classes) +
                                  " (num_classes) apart");
  (void)split_images(data.train, config.train.validation, options.seed);
  return data;
}

std::vector<AccuracyRow> find_accuracies(const Job& job) {
  if (!job.options.dry_accuracy) return Training(job).run();
  constexpr std::size_t images = 10000;
  std::vector<AccuracyRow> rows;
  for (const auto& net : job.nets) {
    rows.push_back(named(job, net));
    rows.back().images = images;
    rows.back().right = static_cast<std::size_t>(random_unit(job.options.seed, "accuracy " + net.id) * images);
  }
  return rows;
}

std::vector<AccuracyRow> find_proxies(const Job& job) {
  std::vector<AccuracyRow> rows;
  for (const auto& net : job.nets) rows.push_back(named(job, net));
  if (job.options.objective != "naswot" && job.options.objective != "grad_norm") return rows;
  const auto trainer = make_network_trainer(job.options.train_device);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    check_stop(job);
    const Net net = job.network(job.nets[i]);
    rows[i].scores = trainer->score(lower(net), {1, net.image_channels, net.image_size, net.image_size},
                                    mixed(job.options.seed, "score"));
    if (job.options.progress)
      job.options.progress({static_cast<double>(i + 1), static_cast<double>(rows.size()), 0, net.id});
  }
  return rows;
}

std::vector<double> proxy_ranks(const std::vector<AccuracyRow>& rows, const std::string& objective) {
  std::vector<double> scores;
  for (const auto& row : rows)
    scores.push_back(objective == "macs"     ? row.macs
                     : objective == "params" ? row.params
                     : objective == "naswot" ? row.scores.naswot
                                             : row.scores.grad_norm);
  std::vector<double> ranks;
  for (const double score : scores) {
    double below = 0, same = 0, known = 0;
    for (const double other : scores) {
      if (!std::isfinite(other)) continue;
      ++known;
      if (other < score) ++below;
      if (other == score) ++same;
    }
    const bool counts = std::isfinite(score);
    ranks.push_back(!counts     ? std::numeric_limits<double>::quiet_NaN()
                    : known < 2 ? 1
                                : (below + (same - 1) / 2) / (known - 1));
  }
  return ranks;
}

}  // namespace hwprof::ssprofiling
