// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "base/json.hpp"
#include "base/text.hpp"
#include "fingerprint/features.hpp"
#include "fingerprint/impl.hpp"
#include "fingerprint/names.hpp"
#include "hwprof/error.hpp"
#include "hwprof/version.hpp"
#include "record/jsonl.hpp"

namespace hwprof {
namespace {

using base::Json;
using base::JsonReader;
using fingerprint::Linear;
using fingerprint::Parts;
using fingerprint::Target;
using fingerprint::Update;

constexpr const char* schema_name = "hwprof.fingerprint";
constexpr int schema_version = 1;
constexpr std::size_t most_columns = 256;

Json to_json(const std::vector<KindError>& list) {
  Json out = Json::array();
  for (const auto& one : list)
    out.push_back({{"kind", one.kind}, {"mean", one.mean}, {"max", one.most}, {"chosen", one.chosen}});
  return out;
}

Json to_json(const FingerprintFit& fit) {
  Json out{{"rows", fit.rows},
           {"nets", fit.nets},
           {"families", fit.families},
           {"calibration", fit.calibration},
           {"fit_error", fit.fit_error}};
  out["held_out"] = fit.held_out;
  out["by_network"] = to_json(fit.by_network);
  out["by_level"] = to_json(fit.by_level);
  out["families_error"] = Json::object();
  for (const auto& [name, error] : fit.families_error) out["families_error"][name] = error;
  out["few"] = Json::array();
  for (const auto& few : fit.few)
    out["few"].push_back({{"rows", few.rows}, {"mean", few.mean}, {"max", few.most}, {"without", few.without}});
  if (fit.repeatability) out["repeatability"] = *fit.repeatability;
  out["importance"] = Json::array();
  for (const auto& [name, rise] : fit.importance) out["importance"].push_back({{"feature", name}, {"rise", rise}});
  return out;
}

/// Coefficients by feature, so that a file says what it means and survives a new order of features.
Json to_json(const Linear& sum, const std::vector<std::string>& names) {
  const auto by_name = [&](const std::vector<double>& coefficients) {
    Json out = Json::object();
    for (std::size_t j = 0; j < sum.columns.size(); ++j)
      if (sum.uses(j)) out[names[sum.columns[j]]] = coefficients[j];
    return out;
  };
  Json out{{"constant", sum.constant}, {"coefficients", by_name(sum.coefficients)}};
  if (sum.from_batch > 0) {
    out["from_batch"] = static_cast<int>(sum.from_batch);
    out["later"] = by_name(sum.later);
  }
  return out;
}

Json to_json(const Target& target) {
  const auto names = fingerprint::names_of(target.fit.stage);
  Json out{{"stage", to_string(target.fit.stage)},
           {"quantity", to_string(target.fit.quantity)},
           {"unit", unit(target.fit.quantity)},
           {"kind", target.fit.kind},
           {"error", target.error}};
  if (!target.families.empty())
    out["known"] = {{"kind", target.fit.known_kind}, {"error", target.known_error}, {"families", target.families}};
  out["fit"] = to_json(target.fit);
  out["features"] = Json::array();
  for (const std::size_t f : target.known) out["features"].push_back(names[f]);
  out["least"] = target.least;
  out["most"] = target.most;
  out["simple"] = to_json(target.parts.simple, names);
  out["physical"] = to_json(target.parts.physical, names);
  const std::pair<const char*, const model::Forest*> forests[] = {{"tree", &target.parts.tree},
                                                                  {"forest", &target.parts.forest},
                                                                  {"ratio", &target.parts.ratio},
                                                                  {"residual", &target.parts.residual}};
  out["forests"] = Json::object();
  for (const auto& [name, forest] : forests)
    if (forest->trees() > 0) out["forests"][name] = forest->to_json();
  out["update"] = {
      {"columns", target.rule.columns}, {"deviation", target.rule.deviation}, {"noise", target.rule.noise}};
  out["updates"] = Json::array();
  for (const auto& update : target.updates)
    out["updates"].push_back(
        {{"family", update.family}, {"rows", update.rows}, {"factors", update.factors}, {"bias", update.bias}});
  return out;
}

class Reader {
 public:
  explicit Reader(const JsonReader& json) : json_(json) {}

  Target run() {
    json_.only({"stage", "quantity", "unit", "kind", "error", "known", "fit", "features", "least", "most", "simple",
                "physical", "forests", "update", "updates"});
    Target target;
    auto& fit = target.fit;
    target.parts.stage = fit.stage = stage();
    target.parts.quantity = fit.quantity = quantity();
    if (json_["unit"].text() != unit(fit.quantity))
      json_["unit"].fail("unit " + base::in_quotes(unit(fit.quantity)) + " is expected, found " +
                         base::in_quotes(json_["unit"].text()));
    fit.kind = one_of("kind", list_fingerprint_kinds());
    target.error = share(json_["error"]);
    if (json_.has("known")) read_known(json_["known"], target);
    read_fit(json_["fit"], fit);
    names_ = fingerprint::names_of(fit.stage);
    target.known = read_features();
    std::vector<std::string> known;
    for (const std::size_t f : target.known) known.push_back(names_[f]);
    for (const std::size_t at : fingerprint::seen_by_ratios(known)) target.parts.seen.push_back(target.known[at]);
    target.least = range("least", target.known.size());
    target.most = range("most", target.known.size());
    target.parts.simple = read_linear(json_["simple"]);
    target.parts.physical = read_linear(json_["physical"]);
    read_forests(target);
    read_updates(target);
    return target;
  }

 private:
  [[nodiscard]] Stage stage() const {
    return one_of("stage", {"inference", "training"}) == "training" ? Stage::training : Stage::inference;
  }

  [[nodiscard]] Metric quantity() const { return parse_metric(one_of("quantity", {"latency", "memory", "energy"})); }

  [[nodiscard]] std::string one_of(const char* key, const std::vector<std::string>& known) const {
    return one_of(json_[key], known);
  }
  [[nodiscard]] static std::string one_of(const JsonReader& json, const std::vector<std::string>& known) {
    const std::string text = json.text();
    if (std::find(known.begin(), known.end(), text) == known.end())
      json.fail("unknown name " + base::in_quotes(text) + base::suggest(text, known));
    return text;
  }

  [[nodiscard]] static double share(const JsonReader& json) {
    const double value = json.number();
    if (value < 0 || value > 1e9) json.fail("a number from 0 to 1e9 is expected");
    return value;
  }
  [[nodiscard]] static std::size_t count(const JsonReader& json) {
    return static_cast<std::size_t>(json.integer(0, std::numeric_limits<std::int64_t>::max() / 4));
  }

  static std::vector<KindError> read_errors(const JsonReader& json) {
    std::vector<KindError> out;
    for (const auto& one : json.list()) {
      one.only({"kind", "mean", "max", "chosen"});
      out.push_back({one["kind"].text(), share(one["mean"]), share(one["max"]), one["chosen"].boolean()});
    }
    return out;
  }

  static void read_fit(const JsonReader& json, FingerprintFit& fit) {
    json.only({"rows", "nets", "families", "calibration", "fit_error", "held_out", "by_network", "by_level",
               "families_error", "few", "repeatability", "importance"});
    fit.rows = count(json["rows"]);
    fit.nets = count(json["nets"]);
    fit.families = count(json["families"]);
    if (json.has("calibration")) fit.calibration = count(json["calibration"]);
    fit.fit_error = share(json["fit_error"]);
    fit.held_out = json["held_out"].text();
    fit.by_network = read_errors(json["by_network"]);
    fit.by_level = read_errors(json["by_level"]);
    for (const auto& [name, error] : json["families_error"].items()) fit.families_error[name] = share(error);
    for (const auto& one : json["few"].list()) {
      one.only({"rows", "mean", "max", "without"});
      fit.few.push_back({count(one["rows"]), share(one["mean"]), share(one["max"]), share(one["without"])});
    }
    if (json.has("repeatability")) fit.repeatability = share(json["repeatability"]);
    for (const auto& one : json["importance"].list()) {
      one.only({"feature", "rise"});
      fit.importance.emplace_back(one["feature"].text(), one["rise"].number());
    }
  }

  static void read_known(const JsonReader& json, Target& target) {
    json.only({"kind", "error", "families"});
    target.fit.known_kind = one_of(json["kind"], list_fingerprint_kinds());
    target.known_error = share(json["error"]);
    for (const auto& family : json["families"].list()) target.families.insert(fingerprint::plain_name(family.text()));
    if (target.families.empty()) json["families"].fail("at least one family is expected");
  }

  /// Forests go by place, so the file's order counts; it may be of an older program that had fewer of our own.
  [[nodiscard]] std::vector<std::size_t> read_features() const {
    const std::size_t plain = fingerprint::perf4sight_count(stage());
    const auto list = json_["features"].list();
    std::vector<std::size_t> known;
    for (const auto& one : list) {
      const auto at = std::find(names_.begin(), names_.end(), one.text());
      if (at == names_.end()) one.fail("no such feature" + base::suggest(one.text(), names_));
      const auto f = static_cast<std::size_t>(at - names_.begin());
      if (known.size() < plain ? f != known.size() : f < plain)
        one.fail("perf4sight's " + std::to_string(plain) + " features are expected first, in their order");
      if (std::find(known.begin(), known.end(), f) != known.end()) one.fail("the same feature stands twice");
      known.push_back(f);
    }
    if (known.size() < plain)
      json_["features"].fail(std::to_string(plain) + " features or more are expected, found " +
                             std::to_string(known.size()));
    return known;
  }

  [[nodiscard]] std::vector<double> range(const char* key, std::size_t size) const {
    auto out = json_[key].numbers();
    if (out.size() != size)
      json_[key].fail(std::to_string(size) + " numbers are expected, found " + std::to_string(out.size()));
    return out;
  }

  [[nodiscard]] Linear read_linear(const JsonReader& json) const {
    json.only({"constant", "coefficients", "from_batch", "later"});
    const auto coefficient = [](const JsonReader& from) {
      const double value = from.number();
      if (value < 0) from.fail("a coefficient of 0 or more is expected");
      return value;
    };
    Linear out;
    out.batch = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), "own.batch") - names_.begin());
    out.constant = coefficient(json["constant"]);
    for (const auto& [name, value] : json["coefficients"].items()) {
      const auto at = std::find(names_.begin(), names_.end(), name);
      if (at == names_.end()) value.fail("no such feature" + base::suggest(name, names_));
      out.columns.push_back(static_cast<std::size_t>(at - names_.begin()));
      out.coefficients.push_back(coefficient(value));
    }
    if (json.has("from_batch") != json.has("later")) json.fail("from_batch and later are expected together");
    if (!json.has("from_batch")) return out;
    out.from_batch = static_cast<double>(json["from_batch"].integer(1, 1 << 20));
    const auto later = json["later"].items();
    if (later.size() != out.columns.size()) json["later"].fail("the features of coefficients are expected");
    for (const std::size_t column : out.columns) out.later.push_back(coefficient(json["later"][names_[column]]));
    return out;
  }

  void read_forests(Target& target) const {
    const JsonReader json = json_["forests"];
    json.only({"tree", "forest", "ratio", "residual"});
    const std::size_t plain = fingerprint::perf4sight_count(target.fit.stage);
    const std::size_t scaled = 2 * target.parts.seen.size();
    const auto read = [&](const char* name, std::size_t features, model::Forest& forest) {
      if (!json.has(name)) return;
      forest = model::Forest::read(json[name]);
      if (forest.features() != features || forest.trees() == 0)
        json[name].fail("a forest over " + std::to_string(features) + " features is expected, found " +
                        std::to_string(forest.features()));
    };
    read("tree", plain, target.parts.tree);
    read("forest", plain, target.parts.forest);
    read("ratio", scaled, target.parts.ratio);
    read("residual", scaled, target.parts.residual);
    for (const auto& kind : {target.fit.kind, target.fit.known_kind}) {
      const auto need = [&](const std::string& name) {
        if (!json.has(name)) json.fail("kind " + kind + " needs the forest " + base::in_quotes(name));
      };
      if (kind == "blend")
        for (const char* name : {"forest", "ratio", "residual"}) need(name);
      else if (!kind.empty() && kind != "simple" && kind != "physical")
        need(kind);
    }
  }

  void read_updates(Target& target) const {
    const JsonReader rule = json_["update"];
    rule.only({"columns", "deviation", "noise"});
    target.rule.columns = one_of(rule["columns"], {"scale", "simple", "physical", "residual"});
    target.rule.deviation = rule["deviation"].number();
    target.rule.noise = rule["noise"].number();
    if (!(target.rule.deviation > 0 && target.rule.deviation < 1e6 && target.rule.noise > 0 && target.rule.noise < 1e6))
      rule.fail("deviation and noise above 0 are expected");
    if (target.rule.columns == "residual" && target.parts.residual.trees() == 0)
      rule.fail("columns 'residual' need the forest 'residual'");
    const std::vector<double> zeros(names_.size(), 0.0);
    for (const auto& json : json_["updates"].list()) {
      json.only({"family", "rows", "factors", "bias"});
      Update update{json["family"].text(), count(json["rows"]), json["factors"].numbers(), json["bias"].number()};
      if (std::any_of(update.factors.begin(), update.factors.end(), [](double factor) { return factor < 0; }))
        json["factors"].fail("factors of 0 or more are expected");
      const std::size_t width =
          update_columns(target.parts, target.kind_of(update.family), target.rule_of(update.family), zeros).size();
      if (update.factors.size() != width || width > most_columns)
        json["factors"].fail(std::to_string(width) + " factors are expected, found " +
                             std::to_string(update.factors.size()));
      target.updates.push_back(std::move(update));
    }
  }

  const JsonReader& json_;
  std::vector<std::string> names_;
};

}  // namespace

FingerprintModel load_fingerprint(const std::string& file) {
  const JsonReader json = JsonReader::load(file);
  (void)json.schema(schema_name, schema_version);
  json.only({"schema", "tool", "from", "costs"});
  auto impl = std::make_shared<FingerprintModel::Impl>();
  impl->from = record::provenance_from_json(json["from"]);
  for (const auto& one : json["costs"].list()) {
    impl->targets.push_back(Reader(one).run());
    const auto& fit = impl->targets.back().fit;
    if (impl->find(fit.stage, fit.quantity) != &impl->targets.back()) one.fail("the same cost stands twice");
    impl->fits.push_back(fit);
  }
  if (impl->targets.empty()) json["costs"].fail("at least one cost is expected");
  return FingerprintModel(impl);
}

void save_fingerprint(const std::string& file, const FingerprintModel& model) {
  Json json{{"schema", std::string(schema_name) + "/" + std::to_string(schema_version)},
            {"tool", std::string("hwprof ") + version},
            {"from", record::to_json(model.from())},
            {"costs", Json::array()}};
  for (const auto& target : model.impl().targets) json["costs"].push_back(to_json(target));
  base::save_json(file, json);
}

}  // namespace hwprof
