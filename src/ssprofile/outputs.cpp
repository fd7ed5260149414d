// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <map>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/version.hpp"
#include "report/scatter.hpp"
#include "ssprofile/job.hpp"

namespace hwprof::ssprofiling {
namespace {

using base::format_number;
using base::Json;

constexpr double ms = 1e-3;

std::string with_comment(const std::string& comment, const std::string& content) {
  return (comment.empty() ? "" : "# " + comment + "\n") + content;
}

/// What stands for accuracy, in words.
std::string objective_text(const std::string& objective) {
  return objective == "accuracy" ? "accuracy" : "rank of " + objective;
}

Json to_json(const Measured& measured) {
  return {{"value", measured.value}, {"spread", measured.spread}};
}

Json to_json(const Selection& selection, const std::vector<SsbnResult>& results) {
  Json front = Json::array();
  for (const auto& arch : selection.front)
    front.push_back(Json{{"family", arch.family},
                         {"blocks", arch.blocks},
                         {"accuracy", to_json(arch.accuracy)},
                         {"latency_s", to_json(arch.latency)}});
  Json ranking = Json::array();
  for (const auto& ranked : selection.ranking)
    ranking.push_back(Json{{"id", results[ranked.index].net.id}, {"cost", ranked.cost}, {"chosen", ranked.chosen}});
  return {{"rule", selection.rule},
          {"family", selection.family},
          {"cell_shared_primitives", selection.cell_shared_primitives},
          {"ranking", ranking},
          {"front", front}};
}

void save_picture(const Job& job, const SsprofileSummary& summary) {
  report::Scatter scatter;
  const std::string dry = dry_text(summary);
  scatter.title = "Search-space base networks" + (dry.empty() ? "" : " (" + dry + ")");
  scatter.x_label = "latency [ms]";
  scatter.y_label = objective_text(job.options.objective);
  std::map<std::string, std::size_t> series;
  for (const auto& result : summary.results)
    if (series.emplace(result.net.family, scatter.series.size()).second) scatter.series.push_back(result.net.family);
  std::vector<bool> chosen(summary.results.size(), false);
  for (const auto& ranked : summary.selection.ranking) chosen[ranked.index] = ranked.chosen;
  for (std::size_t i = 0; i < summary.results.size(); ++i) {
    const auto& result = summary.results[i];
    scatter.points.push_back({result.latency.value / ms, result.accuracy.value, result.latency.spread / ms,
                              result.accuracy.spread, series[result.net.family], chosen[i], result.net.id});
  }
  base::write_file(job.folder.path("ssprofile.svg"), report::to_svg(scatter));
}

void save_networks(const Job& job, const SsprofileSummary& summary) {
  std::map<std::string, const AccuracyRow*> rows;
  for (const auto& row : summary.accuracies) rows.emplace(row.id, &row);
  std::string out = "id,family,group,accuracy,accuracy_spread,latency_s,latency_spread_s,cost,chosen,params,macs\n";
  for (const auto& ranked : summary.selection.ranking) {
    const auto& result = summary.results[ranked.index];
    const AccuracyRow& row = *rows.at(result.net.id);
    out += result.net.id + "," + result.net.family + "," + std::to_string(result.net.group) + "," +
           format_number(result.accuracy.value) + "," + format_number(result.accuracy.spread) + "," +
           format_number(result.latency.value) + "," + format_number(result.latency.spread) + "," +
           format_number(ranked.cost) + "," + (ranked.chosen ? "1" : "0") + "," + format_number(row.params) + "," +
           format_number(row.macs) + "\n";
  }
  std::vector<std::string> comments;
  if (const std::string dry = dry_text(summary); !dry.empty()) comments.push_back(dry);
  if (job.options.objective != "accuracy")
    comments.push_back(objective_text(job.options.objective) + " in place of accuracy");
  base::write_file(job.folder.path("networks.csv"), with_comment(base::join(comments, "; "), out));
}

const std::vector<std::string> lut_files{"speed.json", "speed.txt", "speed_isolated.json"},
    choice_files{"output.yaml", "networks.csv", "ssprofile.json", "ssprofile.svg"};

/// What an earlier call left of another choice must not stand beside this one's.
void remove_files(const Job& job, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    std::error_code ignored;
    std::filesystem::remove(job.folder.path(name), ignored);
  }
}

}  // namespace

void remove_choice(const Job& job) {
  remove_files(job, lut_files);
  remove_files(job, choice_files);
}

std::string dry_text(const SsprofileSummary& summary) {
  if (summary.dry_run.empty()) return {};
  std::vector<std::string> words;
  for (const auto& what : summary.dry_run) words.push_back(what == "accuracy" ? "accuracies" : "latencies");
  return "dry run: random " + base::join(words, " and ");
}

void save_accuracy_tables(const Job& job, const SsprofileSummary& summary) {
  const bool dry = job.options.dry_accuracy;
  std::string table;
  for (const auto& row : summary.accuracies) {
    if (row.images == 0) continue;
    table += row.id + ": " + format_number(static_cast<double>(row.right) / static_cast<double>(row.images)) + "\n";
  }
  if (!table.empty())
    base::write_file(job.folder.path("accuracy_table.yaml"),
                     with_comment(dry ? "dry run: random accuracies" : "", table));
  const bool scored = job.options.objective == "naswot" || job.options.objective == "grad_norm";
  std::string proxies = scored ? "id,params,macs,naswot,grad_norm\n" : "id,params,macs\n";
  for (const auto& row : summary.accuracies) {
    proxies += row.id + "," + format_number(row.params) + "," + format_number(row.macs);
    if (scored) proxies += "," + format_number(row.scores.naswot) + "," + format_number(row.scores.grad_norm);
    proxies += "\n";
  }
  base::write_file(job.folder.path("proxy_table.csv"), proxies);
}

void save_results(const Job& job, const std::vector<NetRecord>& records, const SsprofileSummary& summary) {
  const std::string dry = dry_text(summary);
  std::string table;
  for (const auto& net : job.nets)
    for (const auto& record : records) {
      if (record.net_id != net.id) continue;
      const auto latency = record.overall.find(Metric::latency);
      if (latency != record.overall.end()) table += net.id + ": " + format_number(latency->second.value / ms) + "\n";
    }
  const std::string unit = "milliseconds";
  base::write_file(job.folder.path("latency_table.yaml"),
                   with_comment(job.options.dry_latency ? unit + "; dry run: random latencies" : unit, table));
  save_networks(job, summary);
  save_picture(job, summary);
  remove_files(job, lut_files);
  if (!summary.in_context.layers.empty()) {
    save_lut(job.folder.path("speed.json"), summary.in_context);
    try {
      const auto chosen = select_lut(job.config.space, summary.in_context, summary.selection.cell_shared_primitives);
      // aw_nas reads nothing but numbers; what is drawn it should not read.
      save_lut_text(job.folder.path("speed.txt"), chosen, job.options.dry_latency ? "dry run: random latencies" : "");
    } catch (const Error& error) {
      if (error.fault() != Fault::missing) throw;  // summary.notes tells of networks without latency
    }
  }
  if (!summary.isolated.layers.empty()) save_lut(job.folder.path("speed_isolated.json"), summary.isolated);
  Json conflicts = Json::array();
  for (const auto& one : summary.conflicts)
    conflicts.push_back(Json{{"layer", one.layer},
                             {"smaller", one.smaller},
                             {"larger", one.larger},
                             {"smaller_s", one.smaller_s},
                             {"larger_s", one.larger_s},
                             {"suspect", one.suspect}});
  Json json{{"schema", "hwprof.ssprofile/1"},
            {"version", version},
            {"objective", objective_text(job.options.objective)},
            {"dry_run", summary.dry_run},
            {"device", job.options.dry_latency ? "dry-run" : job.options.device},
            {"selection", to_json(summary.selection, summary.results)},
            {"conflicts", conflicts}};
  if (summary.isolated_over_in_context.n > 0)
    json["isolated_over_in_context"] = Json{{"n", summary.isolated_over_in_context.n},
                                            {"median", summary.isolated_over_in_context.median},
                                            {"least", summary.isolated_over_in_context.least},
                                            {"most", summary.isolated_over_in_context.most}};
  json["notes"] = summary.notes;
  base::save_json(job.folder.path("ssprofile.json"), json);
  save_selected_config(job.options.config, job.folder.path("output.yaml"), summary.selection, dry);
}

}  // namespace hwprof::ssprofiling
