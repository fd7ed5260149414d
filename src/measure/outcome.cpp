// SPDX-License-Identifier: Apache-2.0
#include "measure/outcome.hpp"

#include <cmath>
#include <cstdio>
#include <set>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::measuring {
namespace {

constexpr const char* schema_name = "hwprof-outcome";
constexpr int schema_version = 1;

std::string percent(double share) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3g %%", share * 100);
  return text;
}

std::string why_unsteady(const NetEstimate& found, double max_rel_ci) {
  std::string reason;
  const double width = relative_half_width(found);
  if (std::isfinite(width))
    reason = "half of the median's 95 % interval is " + percent(width) + " after " + std::to_string(found.visits) +
             " visits, " + percent(max_rel_ci) + " was asked for";
  else
    reason = "only " + std::to_string(found.visits) + " visits within the budget, an interval takes six";
  if (found.disturbed > 0)
    reason += "; in " + std::to_string(found.disturbed) + " visits every forward was interrupted";
  if (found.dropped > 0) reason += "; " + std::to_string(found.dropped) + " interrupted forwards were dropped";
  return reason;
}

void judge(const NetEstimate& found, double max_rel_ci, Outcome& outcome) {
  if (found.visits == 0) {
    outcome.state = "failed";
    outcome.reason = "the budget was spent before its first visit";
  } else if (is_steady(found, max_rel_ci)) {
    outcome.state = "measured";
  } else {
    outcome.state = "unsteady";
    outcome.reason = why_unsteady(found, max_rel_ci);
  }
}

}  // namespace

std::vector<Outcome> conclude(const std::vector<Entry>& entries, double max_rel_ci) {
  std::vector<const std::vector<Visit>*> visits;
  Session session;
  std::set<int> rounds;
  for (const Entry& entry : entries) {
    visits.push_back(&entry.journal->content().visits);
    if (!entry.reference) ++session.nets;
    for (const Visit& visit : *visits.back()) rounds.insert(visit.round);
  }
  const Factors factors = drift_factors(visits);
  session.rounds = rounds.size();
  session.stretches = factors.size();
  session.seconds = spent_seconds(entries);
  session.drift_spread = drift_spread(factors);
  std::vector<Outcome> outcomes;
  for (const Entry& entry : entries) {
    const JournalContent& content = entry.journal->content();
    Outcome outcome;
    outcome.visits = content.visits.size();
    outcome.factors = factors;
    outcome.session = session;
    outcome.notes = content.notes;
    if (content.failures.empty()) {
      judge(estimate(content.visits, 0, factors), max_rel_ci, outcome);
    } else {
      outcome.state = content.failures.front().kind;
      outcome.reason = content.failures.front().reason;
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

bool wants_visits(const Outcome& outcome, const Entry& entry) {
  return outcome.state != "measured" && entry.journal->content().failures.empty();
}

bool is_concluded(const std::vector<Entry>& entries, const std::vector<std::string>& files, double max_rel_ci,
                  double budget_s, const std::function<bool(std::size_t)>& wants) {
  const auto outcomes = conclude(entries, max_rel_ci);
  const bool spent = spent_seconds(entries) >= budget_s;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!spent && (wants_visits(outcomes[i], entries[i]) || (wants && wants(i)))) return false;
    const auto old = find_outcome(files[i]);
    if (!old || old->visits != outcomes[i].visits || old->state != outcomes[i].state ||
        old->session.rounds != outcomes[i].session.rounds)
      return false;
  }
  return true;
}

void save_outcome(const std::string& file, const Outcome& outcome) {
  base::Json json;
  json["schema"] = std::string(schema_name) + "/" + std::to_string(schema_version);
  json["state"] = outcome.state;
  json["reason"] = outcome.reason;
  json["visits"] = outcome.visits;
  auto& session = json["session"];
  session["nets"] = outcome.session.nets;
  session["rounds"] = outcome.session.rounds;
  session["stretches"] = outcome.session.stretches;
  session["seconds"] = outcome.session.seconds;
  session["drift_spread"] = outcome.session.drift_spread;
  json["environment"] = base::Json(outcome.environment);
  json["notes"] = outcome.notes;
  auto& factors = json["stretch_factors"] = base::Json::array();
  for (const auto& [stretch, factor] : outcome.factors) factors.push_back({stretch, factor});
  base::save_json(file, json);
}

Outcome load_outcome(const std::string& file) {
  const auto json = base::JsonReader::load(file);
  (void)json.schema(schema_name, schema_version);
  constexpr std::int64_t most = 100'000'000;
  const auto count = [](const base::JsonReader& number) { return static_cast<std::size_t>(number.integer(0, most)); };
  Outcome outcome;
  outcome.state = json["state"].text();
  outcome.reason = json["reason"].text();
  outcome.visits = count(json["visits"]);
  const auto session = json["session"];
  outcome.session = {count(session["nets"]), count(session["rounds"]), count(session["stretches"]),
                     session["seconds"].number(), session["drift_spread"].number()};
  for (const auto& [key, value] : json["environment"].items()) outcome.environment[key] = value.text();
  for (const auto& note : json["notes"].list()) outcome.notes.push_back(note.text());
  for (const auto& pair : json["stretch_factors"].list()) {
    const auto fields = pair.list();
    if (fields.size() != 2) pair.fail("a stretch and its factor are expected");
    const double factor = fields[1].number();
    if (!(factor > 0)) fields[1].fail("a factor above 0 is expected");
    outcome.factors[static_cast<int>(fields[0].integer(0, most))] = factor;
  }
  return outcome;
}

std::optional<Outcome> find_outcome(const std::string& file) {
  if (!base::exists(file)) return {};
  return load_outcome(file);
}

}  // namespace hwprof::measuring
