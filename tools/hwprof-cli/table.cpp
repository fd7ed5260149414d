// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "hwprof/latency_table.hpp"
#include "models.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace fs = std::filesystem;
namespace {

struct Options {
  std::string input, out;
  bool nets = false, force = false;
};

/// Without whole networks, unless they are asked for.
BenchNets chosen(BenchNets nets, bool whole) {
  BenchNets out;
  for (std::size_t i = 0; i < nets.jobs.size(); ++i) {
    if (!whole && nets.uids[i].rfind("net-", 0) == 0) continue;
    out.jobs.push_back(std::move(nets.jobs[i]));
    out.uids.push_back(std::move(nets.uids[i]));
  }
  return out;
}

hwprof::LatencyTable table_of(const Options& options, std::vector<std::string>& problems) {
  if (!fs::exists(options.input)) throw hwprof::Error(hwprof::Fault::input, options.input + ": no such file or folder");
  if (!fs::is_directory(options.input)) return hwprof::load_latency_table(options.input, &problems);
  auto nets = chosen(compiled_nets(options.input), options.nets);
  if (nets.jobs.empty()) nets = benched_nets(options.input);
  if (nets.jobs.empty() && hwprof::is_bench_folder(options.input))
    return hwprof::load_bench_folder(options.input, problems);
  if (nets.jobs.empty())
    throw hwprof::Error(hwprof::Fault::missing,
                        options.input +
                            ": holds no network of a single primitive (profile and genprof make them with "
                            "--isolated; --nets takes whole networks) and no results of bench");
  return hwprof::collect_snpe(nets.jobs, nets.uids, &problems);
}

void table(const Cli& cli, const Options& options) {
  for (const char* ending : {".json", ".csv", ".meta"}) check_new_file(options.out + ending, options.force);
  std::vector<std::string> problems;
  const auto made = table_of(options, problems);
  if (made.rows.empty())
    throw hwprof::Error(hwprof::Fault::missing,
                        options.input + ": no network has results" + (problems.empty() ? "" : "; " + problems.front()));
  const auto files = hwprof::save_latency_table(options.out, made);
  std::set<std::string> modules;
  std::set<std::string> runtimes;
  for (const auto& row : made.rows) {
    modules.insert(row.uid);
    runtimes.insert(row.runtime);
  }
  if (cli.json) {
    print_json({{"schema", "hwprof.table/1"},
                {"rows", made.rows.size()},
                {"modules", modules.size()},
                {"runtimes", runtimes},
                {"problems", problems},
                {"files", files}});
  } else if (!cli.quiet) {
    std::string names;
    for (const auto& name : runtimes) names += (names.empty() ? "" : ", ") + name;
    print_row("table", count(modules.size(), "module") + " on " + names);
    for (const auto& problem : problems) print_row("missing", problem);
    for (const auto& file : files) print_row("written to", file);
  }
}

}  // namespace

void add_table(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "table", "Make latency tables as nnabla-nas has them", [&cli, options] { table(cli, *options); });
  verb->add_option("DIR", options->input, "Run, compiler or bench folder, or a table")->required();
  verb->add_option("--out", options->out, "Files to write, without their endings")->required();
  verb->add_flag("--nets", options->nets, "Whole networks too");
  verb->add_flag("--force", options->force, "Replace the files");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
