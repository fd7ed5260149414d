// SPDX-License-Identifier: Apache-2.0
// Which network a record is of.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <tuple>

#include "base/text.hpp"
#include "fingerprint/names.hpp"
#include "hwprof/error.hpp"
#include "record/perf4sight.hpp"

namespace hwprof {
namespace {

using fingerprint::plain_name;

std::string setting(const NetRecord& record, const char* name) {
  const auto found = record.from.environment.find(name);
  return found == record.from.environment.end() ? std::string() : found->second;
}

/// What a row of perf4sight's logs says of its network.
struct Said {
  explicit Said(const NetRecord& record)
      : log(setting(record, "log")),
        net(setting(record, "net_name")),
        model(setting(record, "model")),
        stem(record::model_stem(model)),
        level(setting(record, "level")) {}

  std::string log, net, model, stem, level;

  [[nodiscard]] auto network() const { return std::tie(net, stem, level); }
  /// net_name may be all of the name: nothing tells that the network was pruned, or it says itself by how much.
  [[nodiscard]] bool is_plain() const {
    return level.empty() || level == "0" || record::level_of_name(net) == base::to_double(level);
  }
};

/// Whether the log's name may tell a row's network: where it is of the row's level, or, of a log of one network, where
/// it does not speak of another level.
bool may_be_of_log(const Said& said, bool alone) {
  const auto own = base::to_double(said.level), logs = record::level_of_log(said.log, said.net);
  if (own && std::abs(*own - logs.value_or(0)) < 1e-6) return true;
  if (record::without_log_words(said.log) == said.net) return !own;
  if (!own || !logs) return alone || said.stem.empty();
  return alone && !said.net.empty() && !record::is_called_by(said.log, said.net);
}

/// What the record's network may be called, the surest first.
std::vector<std::string> names_of(const NetRecord& record, const Said& said, bool alone) {
  std::vector<std::string> out;
  const bool plain = said.is_plain();
  const auto add = [&](const std::string& name) {
    if (name.empty() || (!plain && plain_name(name) == plain_name(said.net))) return;  // not the unpruned one
    out.push_back(plain_name(name));
  };
  const std::filesystem::path path(said.model);
  add(record.net_id);
  add(record.arch);
  if (!said.stem.empty()) {
    add(said.stem);
    if (path.has_parent_path()) add(path.parent_path().filename().string() + "_" + said.stem);
    add(said.net + "_" + said.stem);
  }
  if (!said.net.empty() && !said.level.empty()) add(said.net + "_" + said.level);
  if (may_be_of_log(said, alone)) {
    add(said.log);
    add(record::without_log_words(said.log));
  }
  if (!said.net.empty() && plain) {
    add(said.net);
    add(said.net + "_0");
  }
  return out;
}

struct Paired {
  std::optional<std::size_t> net;
  bool guess = false;  ///< by the name that all pruned ones share, where nothing tells a level
};

class Networks {
 public:
  explicit Networks(const std::vector<CostedNet>& nets) {
    for (std::size_t i = 0; i < nets.size(); ++i) {
      if (!by_name_.emplace(plain_name(nets[i].id), i).second)
        throw Error(Fault::usage, "two networks are called " + base::in_quotes(nets[i].id));
      known_.push_back(nets[i].id);
    }
    std::map<std::string, std::set<std::size_t>> others;
    for (std::size_t i = 0; i < nets.size(); ++i) {
      for (const auto& alias : nets[i].aliases) others[plain_name(alias)].insert(i);
      others[plain_name(record::without_log_words(nets[i].id))].insert(i);  // called as its log's file
    }
    for (const auto& [name, which] : others)
      if (which.size() == 1) by_name_.emplace(name, *which.begin());  // a name of several tells nothing
  }

  [[nodiscard]] std::vector<Paired> pair(const std::vector<NetRecord>& records) const {
    std::map<std::string, std::set<std::tuple<std::string, std::string, std::string>>> of_log;
    std::vector<Said> said;
    for (const auto& record : records) {
      said.emplace_back(record);
      of_log[said.back().log].insert(said.back().network());
    }
    std::vector<Paired> out(records.size());
    std::map<std::size_t, std::set<std::string>> guessed;  // models by network
    for (std::size_t i = 0; i < records.size(); ++i) {
      for (const auto& name : names_of(records[i], said[i], of_log[said[i].log].size() == 1)) {
        const auto found = by_name_.find(name);
        if (found == by_name_.end()) continue;
        out[i].net = found->second;
        out[i].guess =
            said[i].level.empty() && (name == plain_name(said[i].net) || name == plain_name(said[i].net + "_0"));
        break;
      }
      if (out[i].guess) guessed[*out[i].net].insert(said[i].model);
    }
    for (auto& one : out)
      if (one.guess && guessed[*one.net].size() > 1) one.net.reset();
    return out;
  }
  [[nodiscard]] const std::vector<std::string>& known() const { return known_; }

 private:
  std::map<std::string, std::size_t> by_name_;
  std::vector<std::string> known_;
};

/// Stage and quantity of a metric by its name: train_latency, latency, … Phases and other memories are no cost here.
bool cost_of(Metric metric, const std::string& mode, CostSample& sample) {
  std::string name = to_string(metric);
  sample.stage = mode == "train" || mode == "training" ? Stage::training : Stage::inference;
  if (base::starts_with(name, "train_")) {
    name = name.substr(6);
    sample.stage = Stage::training;
  }
  for (const Metric quantity : {Metric::latency, Metric::memory, Metric::energy})
    if (name == to_string(quantity)) {
      sample.quantity = quantity;
      return true;
    }
  return false;
}

void join(Provenance& into, const Provenance& from) {
  for (const auto part : {&Provenance::device, &Provenance::compiler}) {
    if ((from.*part).empty()) continue;
    if ((into.*part).empty()) into.*part = from.*part;
    if (into.*part != from.*part)
      throw Error(Fault::usage, "records of " + base::in_quotes(into.*part) + " and of " + base::in_quotes(from.*part) +
                                    "; one device at a time");
  }
  for (const char* name : {"cpu", "gpu", "threads", "libtorch"}) {
    const auto found = from.environment.find(name);
    if (found != from.environment.end()) into.environment.insert(*found);
  }
}

}  // namespace

CostData pair_costs(const std::vector<NetRecord>& records, std::vector<CostedNet> nets) {
  CostData data;
  data.nets = std::move(nets);
  const Networks networks(data.nets);
  std::map<std::pair<std::string, std::string>, std::size_t> lacking;  // by id and, as ids may be but a level, model
  std::size_t failed_oom = 0, nothing = 0, several = 0;
  const auto paired = networks.pair(records);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& record = records[i];
    const auto& net = paired[i].net;
    if (!net) {
      ++data.unpaired;
      several += paired[i].guess ? 1 : 0;
      ++lacking[{record.net_id, setting(record, "model")}];
      continue;
    }
    auto& costed = data.nets[*net];
    if (const auto family = setting(record, "net_name"); !family.empty()) costed.family = family_of(family);
    if (!costed.level)
      if (const auto level = base::to_double(setting(record, "level"))) costed.level = level;
    if (record.state != RunState::measured && record.state != RunState::unsteady) {
      ++data.failed;
      failed_oom += record.state == RunState::out_of_memory ? 1 : 0;
      continue;
    }
    bool any = false;
    for (const auto& [metric, measured] : record.overall) {
      CostSample sample;
      sample.net = *net;
      sample.batch = record.batch;
      sample.value = measured.value;
      if (!(measured.value > 0) || !cost_of(metric, record.from.mode, sample)) continue;
      data.samples.push_back(sample);
      any = true;
    }
    if (any)
      join(data.from, record.from);
    else
      ++nothing;
  }
  data.failed += nothing;
  if (data.failed > 0)
    data.notes.push_back(std::to_string(data.failed) + " records without a number were left out, " +
                         std::to_string(failed_oom) + " of them out of memory");
  constexpr std::size_t most_named = 10;
  std::size_t named = 0;
  for (const auto& [net, count] : lacking) {
    const auto& [name, model] = net;
    if (named++ == most_named) {
      data.notes.push_back("and " + std::to_string(lacking.size() - most_named) + " more networks are not there");
      break;
    }
    data.notes.push_back("no network for " + base::in_quotes(name) +
                         (model.empty() || model == name ? "" : " (" + model + ")") + ", " + std::to_string(count) +
                         " records left out" + base::suggest(name, networks.known()));
  }
  if (several > 0)
    data.notes.push_back(std::to_string(several) +
                         " of these records have net_name alone in common with a network, are of " +
                         "several models and say no pruning level");
  if (data.samples.empty())
    throw Error(Fault::missing, "no record has both a network and a number: " + std::to_string(records.size()) +
                                    " records, " + std::to_string(data.nets.size()) + " networks" +
                                    (data.notes.empty() ? "" : "; " + data.notes.back()));
  return data;
}

}  // namespace hwprof
