// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "hwprof/version.hpp"
#include "output.hpp"
#include "pages.hpp"
#include "reported.hpp"
#include "terminal.hpp"

namespace {

using hwprof::Error;
using hwprof::Fault;
using hwprof_cli::Cli;

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* verb : app.get_subcommands({})) {
    names.push_back(verb->get_name());
    for (const auto& alias : verb->get_aliases()) names.push_back(alias);
  }
  return names;
}

/// The verb that the command line chose, or the program itself.
const CLI::App& chosen(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return verbs.empty() ? app : *verbs.front();
}

std::string page_of(const CLI::App& app) {
  const CLI::App& verb = chosen(app);
  return hwprof_cli::page(&verb == &app ? "hwprof-cli" : verb.get_name());
}

/// CLI11's message, with the nearest option or verb where the word is unknown.
[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& verb = chosen(app);
  const std::string help = &verb == &app ? "hwprof-cli --help" : "hwprof-cli " + verb.get_name() + " --help";
  const auto extras = app.remaining(true);
  // A misspelt option is likelier the fault than the required one that it was to be.
  const bool misspelt = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !extras.empty() &&
                        extras.front().rfind("--", 0) == 0;
  if ((dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr && !misspelt) || extras.empty())
    throw Error(Fault::usage, std::string(error.what()) + "; see " + help);
  const std::string& word = extras.front();
  if (word.rfind('-', 0) != 0) throw Error(Fault::usage, "argument '" + word + "' is one too many; see " + help);
  std::vector<std::string> known;
  for (const auto* option : verb.get_options())
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  const std::string name = word.substr(0, word.find('='));
  throw Error(Fault::usage, "unknown option '" + name + "'" + hwprof::did_you_mean(name, known) + "; see " + help);
}

void add_verbs(Cli& cli) {
  hwprof_cli::add_profile(cli);
  hwprof_cli::add_genprof(cli);
  hwprof_cli::add_jobs(cli);
  hwprof_cli::add_measure(cli);
  hwprof_cli::add_quantize(cli);
  hwprof_cli::add_compile(cli);
  hwprof_cli::add_deploy(cli);
  hwprof_cli::add_net2primitive(cli);
  hwprof_cli::add_bench(cli);
  hwprof_cli::add_table(cli);
  hwprof_cli::add_genmodel(cli);
  hwprof_cli::add_predict(cli);
  hwprof_cli::add_evaluate(cli);
  hwprof_cli::add_export(cli);
  hwprof_cli::add_clean_prototxt(cli);
  hwprof_cli::add_sample(cli);
  hwprof_cli::add_check(cli);
  hwprof_cli::add_choose(cli);
  hwprof_cli::add_fingerprint(cli);
  hwprof_cli::add_search(cli);
  hwprof_cli::add_pareto(cli);
  hwprof_cli::add_count(cli);
  hwprof_cli::add_fusion(cli);
  hwprof_cli::add_accuracy(cli);
  hwprof_cli::add_ssprofile(cli);
  hwprof_cli::add_list(cli);
  hwprof_cli::add_completion(cli);
  hwprof_cli::add_help(cli);
}

void run(int argc, char** argv) {
  Cli cli;
  cli.app.set_help_flag("-h,--help", "Print the overview");
  cli.app.set_version_flag("--version", std::string("hwprof-cli ") + hwprof::version, "Print the version");
  add_verbs(cli);
  cli.app.require_subcommand(0, 1);  // so that an argument may be called like a verb, as in "help profile"
  if (argc < 2) throw Error(Fault::usage, "a verb is expected; see hwprof-cli --help");
  const auto verbs = verb_names(cli.app);
  const std::string first = argv[1];
  if (first.rfind('-', 0) != 0 && std::find(verbs.begin(), verbs.end(), first) == verbs.end())
    throw Error(Fault::usage,
                "unknown verb '" + first + "'" + hwprof::did_you_mean(first, verbs) + "; see hwprof-cli --help");
  try {
    cli.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << page_of(cli.app);
    return hwprof_cli::flush_output();
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << '\n';
    return hwprof_cli::flush_output();
  } catch (const CLI::ParseError& error) {
    refuse(cli.app, error);
  }
  if (!cli.action) throw Error(Fault::usage, "a verb is expected; see hwprof-cli --help");
  cli.action();
  hwprof_cli::flush_output();
}

}  // namespace

int main(int argc, char** argv) {
  // Errors of the command line itself are reported as JSON too, so this is known before it is read.
  bool json = std::any_of(argv, argv + argc, [](const char* word) { return std::strcmp(word, "--json") == 0; });
  Fault fault = Fault::internal;
  std::string message;
  try {
    run(argc, argv);
    return 0;
  } catch (const hwprof_cli::Reported& found) {
    fault = found.fault;
    message = found.message;
    json = false;
  } catch (const Error& error) {
    fault = error.fault();
    message = error.what();
  } catch (const std::bad_alloc&) {
    message = "out of memory";
  } catch (const std::filesystem::filesystem_error& error) {  // a path that the system refuses to look at
    fault = Fault::input;
    message = error.path1().string() + ": " + error.code().message();
  } catch (const std::exception& error) {
    message = std::string("internal error: ") + error.what();
  } catch (...) {  // of a plug-in
    message = "internal error: something was thrown that is no exception";
  }
  hwprof_cli::print_error(fault, message, json);
  return static_cast<int>(fault);
}
