// SPDX-License-Identifier: Apache-2.0
// perf4sight's config.ini. Its own reader evaluates the values; here they are literals.
#include <algorithm>
#include <functional>
#include <map>

#include "base/files.hpp"
#include "base/ini.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/perf4sight.hpp"

namespace hwprof {
namespace {

using base::in_quotes;

constexpr std::size_t most_elements = 10000;

/// A value that knows its place.
class Value {
 public:
  Value(const base::IniEntry& entry, const std::string& source) : entry_(entry), source_(source) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Fault::input, source_ + ":" + std::to_string(entry_.line) + ": " + entry_.key + ": " + what);
  }

  /// The elements of a list or tuple, of range(…), or the one value that there is.
  [[nodiscard]] std::vector<std::string> texts() const { return elements(entry_.value, true); }

  [[nodiscard]] std::string text() const {
    const auto all = elements(entry_.value, false);
    if (all.size() > 1) fail("one value is expected, found a list of " + std::to_string(all.size()));
    return all.empty() ? std::string() : all.front();
  }

  [[nodiscard]] bool boolean() const {
    const std::string word = base::lower_case(text());
    if (word == "true" || word == "1" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "0" || word == "no" || word == "off" || word == "none" || word.empty()) return false;
    fail("True or False is expected, found " + in_quotes(word));
  }

  [[nodiscard]] std::vector<double> numbers(double least, double most) const {
    std::vector<double> out;
    for (const auto& one : texts()) {
      const auto number = base::to_double(one);
      if (!number || !(*number >= least && *number <= most))
        fail("numbers from " + base::format_number(least) + " to " + base::format_number(most) +
             " are expected, found " + in_quotes(one));
      out.push_back(*number);
    }
    return out;
  }

  [[nodiscard]] std::vector<int> integers(int least, int most) const {
    std::vector<int> out;
    for (const double one : numbers(least, most)) {
      if (one != static_cast<int>(one)) fail("whole numbers are expected, found " + base::format_number(one));
      out.push_back(static_cast<int>(one));
    }
    return out;
  }

  [[nodiscard]] std::optional<double> number() const {
    if (base::lower_case(text()) == "none" || text().empty()) return {};
    const auto all = numbers(0, 1e12);
    if (all.size() != 1) fail("one number is expected");
    return all.front();
  }

 private:
  /// What stands between brackets; also the brackets of Python's list() and tuple().
  [[nodiscard]] std::vector<std::string> elements(std::string_view text, bool several) const {
    text = base::trim(text);
    for (const std::string_view call : {"list(", "tuple("})
      if (base::starts_with(text, call) && text.back() == ')')
        text = base::trim(text.substr(call.size(), text.size() - call.size() - 1));
    if (base::starts_with(text, "range(") && text.back() == ')') return range(text.substr(6, text.size() - 7));
    const bool list = !text.empty() && (text.front() == '[' || text.front() == '(');
    if (list) {
      if (text.size() < 2 || text.back() != (text.front() == '[' ? ']' : ')')) fail("the list is not closed");
      text = text.substr(1, text.size() - 2);
    }
    if (base::trim(text).empty()) return {};
    std::vector<std::string> out;
    char quote = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
      const char c = i < text.size() ? text[i] : '\0';
      const bool end = i == text.size() || (c == ',' && quote == 0 && (several || list));
      if (!end) {
        if (quote != 0 && c == quote)
          quote = 0;
        else if (quote == 0 && (c == '\'' || c == '"'))
          quote = c;
        continue;
      }
      if (quote != 0) fail("a quote is not closed");
      const auto part = base::trim(text.substr(begin, i - begin));
      begin = i + 1;
      if (part.empty() && i == text.size() && !out.empty()) break;  // a comma at the end
      out.push_back(literal(part));
      if (out.size() > most_elements) fail("more than " + std::to_string(most_elements) + " elements");
    }
    return out;
  }

  [[nodiscard]] std::string literal(std::string_view part) const {
    if (part.size() >= 2 && (part.front() == '\'' || part.front() == '"') && part.back() == part.front()) {
      const auto inner = part.substr(1, part.size() - 2);
      if (inner.find(part.front()) == std::string_view::npos) return std::string(inner);
    }
    if (part.empty() || part.find_first_of("'\"[](){}*") != std::string_view::npos ||
        part.find("%(") != std::string_view::npos)
      fail("a number, a text or a list of these is expected, found " + in_quotes(part) +
           "; expressions are not evaluated");
    return std::string(part);
  }

  [[nodiscard]] std::vector<std::string> range(std::string_view text) const {
    constexpr std::int64_t most_bound = 1000000000;
    std::vector<std::int64_t> bounds;
    for (const auto& part : base::split(text, ',')) {
      const auto bound = base::to_int(base::trim(part));
      if (!bound || *bound < -most_bound || *bound > most_bound) fail("range() of whole numbers is expected");
      bounds.push_back(*bound);
    }
    if (bounds.size() == 1) bounds.insert(bounds.begin(), 0);
    if (bounds.size() == 2) bounds.push_back(1);
    if (bounds.size() != 3 || bounds[2] == 0) fail("range() takes one to three numbers, and a step that is not 0");
    std::vector<std::string> out;
    for (std::int64_t at = bounds[0]; bounds[2] > 0 ? at < bounds[1] : at > bounds[1]; at += bounds[2]) {
      out.push_back(std::to_string(at));
      if (out.size() > most_elements) fail("range() has more than " + std::to_string(most_elements) + " numbers");
    }
    return out;
  }

  const base::IniEntry& entry_;
  const std::string& source_;
};

using Readers = std::map<std::string, std::function<void(const Value&)>>;

std::vector<double> shares(const Value& value) {
  auto levels = value.numbers(0, 100);
  const bool percent = std::any_of(levels.begin(), levels.end(), [](double level) { return level > 1; });
  for (double& level : levels) {
    if (percent) level /= 100;
    if (level >= 1) value.fail("a level of 100 % leaves no filters");
  }
  return levels;
}

Readers readers_of(Perf4sightConfig::Dataset& to) {
  return {{"networks", [&to](const Value& v) { to.networks = v.texts(); }},
          {"pruning_perc", [&to](const Value& v) { to.levels = shares(v); }},
          {"mode", [&to](const Value& v) { to.modes = v.texts(); }},
          {"repeats",
           [&to](const Value& v) {
             const auto all = v.integers(1, 1000);
             if (all.size() != 1) v.fail("one number is expected");
             to.repeats = all.front();
           }},
          {"model_desc_dir", [&to](const Value& v) { to.model_desc_dir = v.text(); }},
          {"model_path", [&to](const Value& v) { to.model_path = v.text(); }}};
}

Readers readers_of(Perf4sightConfig::Profile& to) {
  return {{"create_config", [&to](const Value& v) { to.create_config = v.boolean(); }},
          {"run_profiling", [&to](const Value& v) { to.run_profiling = v.boolean(); }},
          {"save", [&to](const Value& v) { to.save = v.boolean(); }},
          {"till_first_fail", [&to](const Value& v) { to.till_first_fail = v.boolean(); }},
          {"device", [&to](const Value& v) { to.device = v.text(); }},
          {"gpu_id", [&to](const Value& v) { to.gpu_id = v.text(); }},
          {"network", [&to](const Value& v) { to.networks = v.texts(); }},
          {"bs", [&to](const Value& v) { to.batches = v.integers(1, 1000000); }},
          {"stage", [&to](const Value& v) { to.stages = v.texts(); }},
          {"dataset",
           [&to](const Value& v) {
             to.datasets = v.texts();
             const std::vector<std::string> known{"imagenet", "cifar"};
             for (const auto& name : to.datasets)
               if (std::find(known.begin(), known.end(), name) == known.end())
                 v.fail("imagenet or cifar is expected, found " + in_quotes(name));
           }},
          {"profile_variables", [&to](const Value& v) { to.metrics = v.texts(); }},
          {"local_model_loc", [&to](const Value& v) { to.local_model_loc = v.text(); }},
          {"device_model_loc", [&to](const Value& v) { to.device_model_loc = v.text(); }},
          {"test_config", [&to](const Value& v) { to.test_config = v.text(); }},
          {"log_dir", [&to](const Value& v) { to.log_dir = v.text(); }},
          {"limit_mem", [&to](const Value& v) { to.limit_mem_mb = v.number(); }},
          {"idle_mem", [&to](const Value& v) { to.idle_mem_mb = v.number(); }}};
}

Readers readers_of(Perf4sightConfig::Fingerprint& to) {
  return {{"overwrite", [&to](const Value& v) { to.overwrite = v.boolean(); }},
          {"evaluate", [&to](const Value& v) { to.evaluate = v.boolean(); }},
          {"stage", [&to](const Value& v) { to.stage = v.text(); }},
          {"memory_model", [&to](const Value& v) { to.memory_model = v.text(); }},
          {"latency_model", [&to](const Value& v) { to.latency_model = v.text(); }},
          {"train_nets", [&to](const Value& v) { to.train_nets = v.texts(); }},
          {"eval_nets", [&to](const Value& v) { to.eval_nets = v.texts(); }},
          {"train_logs", [&to](const Value& v) { to.train_logs = v.texts(); }},
          {"eval_logs", [&to](const Value& v) { to.eval_logs = v.texts(); }},
          {"memory_logs", [&to](const Value& v) { to.memory_logs = v.texts(); }},
          {"latency_logs", [&to](const Value& v) { to.latency_logs = v.texts(); }},
          {"eval_memory_logs", [&to](const Value& v) { to.eval_memory_logs = v.texts(); }},
          {"eval_latency_logs", [&to](const Value& v) { to.eval_latency_logs = v.texts(); }},
          {"pruned_models_storedir", [&to](const Value& v) { to.pruned_models_storedir = v.text(); }},
          {"model_storedir", [&to](const Value& v) { to.model_storedir = v.text(); }}};
}

void read(const base::IniSection& section, const Readers& readers, const std::string& source, Notes& notes) {
  std::vector<std::string> known;
  for (const auto& reader : readers) known.push_back(reader.first);
  for (const auto& entry : section.entries) {
    const auto reader = readers.find(entry.key);
    if (reader != readers.end())
      reader->second(Value(entry, source));
    else
      notes.push_back(source + ":" + std::to_string(entry.line) + ": unknown key " + in_quotes(entry.key) +
                      base::suggest(entry.key, known));
  }
}

}  // namespace

Perf4sightConfig record::parse_perf4sight_config(std::string_view text, const std::string& source) {
  Perf4sightConfig out;
  const auto sections = base::parse_ini(text, source);
  for (const auto& section : sections) {
    const auto into = [&](auto& part) {
      if (!part) part.emplace();
      read(section, readers_of(*part), source, out.notes);
    };
    if (section.name == "create_network_dataset" || section.name == "pruner")
      into(out.dataset);
    else if (section.name == "profile")
      into(out.profile);
    else if (section.name == "fingerprint")
      into(out.fingerprint);
    else
      out.notes.push_back(source + ":" + std::to_string(section.line) + ": unknown section " + in_quotes(section.name) +
                          base::suggest(section.name, {"create_network_dataset", "profile", "fingerprint"}));
  }
  if (!out.dataset && !out.profile && !out.fingerprint)
    throw Error(Fault::input,
                source + ": none of the sections create_network_dataset, profile and fingerprint is there");
  return out;
}

Perf4sightConfig load_perf4sight_config(const std::string& file) {
  return record::parse_perf4sight_config(base::read_file(file, std::uint64_t{1} << 20), file);
}

}  // namespace hwprof
