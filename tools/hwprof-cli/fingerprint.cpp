// SPDX-License-Identifier: Apache-2.0
#include "hwprof/fingerprint.hpp"

#include <algorithm>
#include <iterator>
#include <memory>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "nets.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  std::vector<std::string> records, networks;
  std::string out, update, device, choose_by = "network";
  hwprof::FingerprintOptions fit;
  bool force = false;
};

std::string errors_text(const std::vector<hwprof::KindError>& errors) {
  std::string text;
  for (const auto& one : errors)
    text += (text.empty() ? "" : "\n") + one.kind + ": " + percent_text(one.mean) + ", at most " +
            percent_text(one.most) + (one.chosen ? "  (taken)" : "");
  return text;
}

void print_fit(const hwprof::FingerprintFit& fit) {
  constexpr std::size_t most_features = 8;
  print_row(
      cost_name(fit.stage, fit.quantity),
      fit.kind +
          (fit.known_kind.empty() || fit.known_kind == fit.kind ? "" : " (" + fit.known_kind + " for these families)") +
          ", " + count(fit.rows, "row") + " of " + count(fit.nets, "network") + " in " +
          count(fit.families, "family", "families") +
          (fit.calibration > 0 ? ", " + count(fit.calibration, "row") + " of calibration" : "") + "; error on these " +
          percent_text(fit.fit_error));
  if (fit.repeatability) print_row("  repeatability", percent_text(*fit.repeatability));
  if (!fit.by_network.empty()) print_row("  held out by " + fit.held_out, errors_text(fit.by_network));
  std::string families;
  for (const auto& [name, error] : fit.families_error)
    families += (families.empty() ? "" : ", ") + name + " " + percent_text(error);
  if (!families.empty()) print_row("  each network", families);
  if (!fit.by_level.empty()) print_row("  levels not seen", errors_text(fit.by_level));
  for (const auto& few : fit.few)
    print_row(
        "  " + std::to_string(few.rows) + " rows told",
        percent_text(few.mean) + ", at most " + percent_text(few.most) + "; without them " + percent_text(few.without));
  std::string features;
  for (std::size_t i = 0; i < std::min(most_features, fit.importance.size()); ++i)
    features += (i == 0 ? "" : ", ") + fit.importance[i].first + " " + percent_text(fit.importance[i].second);
  if (!features.empty()) print_row("  features", features);
}

Json to_json(const std::vector<hwprof::KindError>& errors) {
  Json out = Json::array();
  for (const auto& one : errors)
    out.push_back({{"kind", one.kind}, {"mean", one.mean}, {"max", one.most}, {"chosen", one.chosen}});
  return out;
}

Json to_json(const hwprof::FingerprintFit& fit) {
  Json out{{"mode", hwprof::to_string(fit.stage)},
           {"quantity", hwprof::to_string(fit.quantity)},
           {"unit", hwprof::unit(fit.quantity)},
           {"kind", fit.kind},
           {"known_kind", fit.known_kind.empty() ? fit.kind : fit.known_kind},
           {"rows", fit.rows},
           {"nets", fit.nets},
           {"families", fit.families},
           {"calibration", fit.calibration},
           {"fit_error", fit.fit_error},
           {"held_out", fit.held_out},
           {"by_network", to_json(fit.by_network)},
           {"by_level", to_json(fit.by_level)},
           {"families_error", fit.families_error},
           {"few", Json::array()},
           {"importance", Json::array()}};
  for (const auto& few : fit.few)
    out["few"].push_back({{"rows", few.rows}, {"mean", few.mean}, {"max", few.most}, {"without", few.without}});
  if (fit.repeatability) out["repeatability"] = *fit.repeatability;
  for (const auto& [name, rise] : fit.importance) out["importance"].push_back({{"feature", name}, {"rise", rise}});
  return out;
}

hwprof::CostData load(const Options& options, hwprof::Notes& notes) {
  std::vector<hwprof::NetRecord> records;
  for (const auto& file : options.records) {
    auto loaded = hwprof::load_records(file, &notes);
    std::move(loaded.begin(), loaded.end(), std::back_inserter(records));
  }
  if (!options.device.empty())
    for (auto& record : records)
      if (record.from.device.empty()) record.from.device = options.device;
  return hwprof::pair_costs(records, load_costed_nets(options.networks));
}

void fingerprint(const Cli& cli, Options& options) {
  using hwprof::Error;
  using hwprof::Fault;
  if (options.choose_by != "network" && options.choose_by != "level")
    throw Error(Fault::usage, "--choose-by takes network or level, found '" + options.choose_by + "'");
  options.fit.by_level = options.choose_by == "level";
  check_new_file(options.out, options.force);
  hwprof::Notes notes;
  const auto data = load(options, notes);
  notes.insert(notes.end(), data.notes.begin(), data.notes.end());
  const bool update = !options.update.empty();
  const auto model = update ? hwprof::update_fingerprint(hwprof::load_fingerprint(options.update), data)
                            : hwprof::fit_fingerprint(data, options.fit, &notes);
  hwprof::save_fingerprint(options.out, model);
  if (cli.json) {
    Json fits = Json::array();
    for (const auto& fit : model.fits()) fits.push_back(to_json(fit));
    print_json({{"schema", "hwprof.fingerprint_report/1"},
                {"out", options.out},
                {"updated", update},
                {"samples", data.samples.size()},
                {"failed", data.failed},
                {"unpaired", data.unpaired},
                {"costs", std::move(fits)},
                {"notes", notes}});
    return;
  }
  if (cli.quiet) return;
  print_row("measurements", std::to_string(data.samples.size()) + " of " + count(data.nets.size(), "network") + "; " +
                                std::to_string(data.failed) + " failed, " + std::to_string(data.unpaired) +
                                " of networks that are not there");
  if (!update)
    for (const auto& fit : model.fits()) print_fit(fit);
  for (const auto& note : notes) print_row("note", note);
  print_row("written to", options.out);
}

}  // namespace

void add_fingerprint(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "fingerprint", "Fit what training and inference of networks cost",
                            [&cli, options] { fingerprint(cli, *options); });
  verb->add_option("--records", options->records, "Records: files or folders")->required();
  verb->add_option("--networks", options->networks, "What the networks are made of: files or folders")->required();
  verb->add_option("--out", options->out, "Model file to write")->required();
  verb->add_option("--update", options->update, "Model to update with few rows of a new network");
  verb->add_option("--type", options->fit.kind, "Kind of model, or auto");
  verb->add_option("--trees", options->fit.trees, "Trees of a forest")->check(CLI::Range(1, 4096));
  verb->add_option("--choose-by", options->choose_by, "network or level: what auto goes by");
  verb->add_option("--train-levels", options->fit.train_levels, "Pruning levels to fit on [%]")->delimiter(',');
  verb->add_option("--device", options->device, "Name of the device, for records that do not say");
  verb->add_option("--seed", options->fit.seed, "Seed")->check(number_from_zero());
  verb->add_flag("--force", options->force, "Replace the model file");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
