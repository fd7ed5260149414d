// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "hwprof/error.hpp"

namespace hwprof_cli {
namespace {

struct Verb {
  std::string name, description;
  std::vector<const CLI::Option*> options;  // named ones
};

std::vector<Verb> verbs_of(const CLI::App& app) {
  std::vector<Verb> out;
  for (const auto* sub : app.get_subcommands({})) {
    Verb verb{sub->get_name(), sub->get_description(), {}};
    for (const auto* option : sub->get_options())
      if (!option->get_lnames().empty()) verb.options.push_back(option);
    out.push_back(verb);
    for (const auto& alias : sub->get_aliases()) {
      out.push_back(verb);
      out.back().name = alias;
    }
  }
  return out;
}

std::string words(const Verb& verb) {
  std::string out;
  for (const auto* option : verb.options) {
    for (const auto& name : option->get_lnames()) out += " --" + name;
    for (const auto& name : option->get_snames()) out += " -" + name;
  }
  return out.substr(1);
}

void bash(const std::vector<Verb>& verbs) {
  std::string names;
  for (const auto& verb : verbs) names += verb.name + " ";
  std::cout << "# hwprof-cli completion for bash: source <(hwprof-cli completion bash)\n"
               "_hwprof_cli() {\n"
               "  local current=${COMP_WORDS[COMP_CWORD]} words=\n"
               "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
               "    COMPREPLY=($(compgen -W \""
            << names
            << "--help --version\" -- \"$current\"))\n"
               "    return\n"
               "  fi\n"
               "  case ${COMP_WORDS[1]} in\n";
  for (const auto& verb : verbs) std::cout << "    " << verb.name << ") words=\"" << words(verb) << "\" ;;\n";
  std::cout << "  esac\n"
               "  if [[ $current == -* ]]; then\n"
               "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
               "  else\n"
               "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
               "  fi\n"
               "}\n"
               "complete -o filenames -F _hwprof_cli hwprof-cli\n";
}

/// Text between single quotes, for zsh and fish.
std::string quoted(const std::string& text, const std::string& quote) {
  std::string out;
  for (const char c : text) out += c == '\'' ? quote : std::string(1, c);
  return "'" + out + "'";
}

void zsh(const std::vector<Verb>& verbs) {
  std::cout << "#compdef hwprof-cli\n"
               "# hwprof-cli completion for zsh: source <(hwprof-cli completion zsh)\n"
               "_hwprof_cli() {\n"
               "  if (( CURRENT == 2 )); then\n"
               "    local -a verbs=(\n";
  for (const auto& verb : verbs) std::cout << "      " << quoted(verb.name + ":" + verb.description, "'\\''") << '\n';
  std::cout << "    )\n"
               "    _describe verb verbs\n"
               "    return\n"
               "  fi\n"
               "  case $words[2] in\n";
  for (const auto& verb : verbs) {
    std::cout << "    " << verb.name << ") _arguments";
    for (const auto* option : verb.options) {
      const bool value = option->get_items_expected_max() > 0;
      for (const auto& name : option->get_lnames())
        std::cout << " \\\n      "
                  << quoted("*--" + name + "[" + option->get_description() + "]" + (value ? ":value:_files" : ""),
                            "'\\''");
    }
    std::cout << " \\\n      '*:file:_files' ;;\n";
  }
  std::cout << "  esac\n"
               "}\n"
               "compdef _hwprof_cli hwprof-cli\n";
}

void fish(const std::vector<Verb>& verbs) {
  std::cout << "# hwprof-cli completion for fish: hwprof-cli completion fish | source\n";
  for (const auto& verb : verbs)
    std::cout << "complete -c hwprof-cli -n __fish_use_subcommand -f -a " << verb.name << " -d "
              << quoted(verb.description, "\\'") << '\n';
  for (const auto& verb : verbs)
    for (const auto* option : verb.options) {
      std::cout << "complete -c hwprof-cli -n '__fish_seen_subcommand_from " << verb.name << "'";
      for (const auto& name : option->get_lnames()) std::cout << " -l " << name;
      for (const auto& name : option->get_snames()) std::cout << " -s " << name;
      if (option->get_items_expected_max() > 0) std::cout << " -r";
      std::cout << " -d " << quoted(option->get_description(), "\\'") << '\n';
    }
}

void completion(const Cli& cli, const std::string& shell) {
  const std::vector<std::string> shells{"bash", "zsh", "fish"};
  const auto verbs = verbs_of(cli.app);
  if (shell == "bash") return bash(verbs);
  if (shell == "zsh") return zsh(verbs);
  if (shell == "fish") return fish(verbs);
  throw hwprof::Error(hwprof::Fault::usage, "shell '" + shell + "' is not known" + hwprof::did_you_mean(shell, shells));
}

}  // namespace

void add_completion(Cli& cli) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb =
      add_verb(cli, "completion", "Print a shell's completion script", [&cli, shell] { completion(cli, *shell); });
  verb->add_option("SHELL", *shell, "bash, zsh or fish")->required();
}

}  // namespace hwprof_cli
