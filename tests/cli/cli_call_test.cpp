// SPDX-License-Identifier: Apache-2.0
// How the program is called: verbs, options, pages, errors.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "program.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;

namespace {

const fs::path pages = fs::path(HWPROF_SOURCE_DIR) / "docs/cli";

/// Every page but the overview is a verb's.
std::vector<std::string> verbs() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(pages))
    if (entry.path().stem() != "hwprof-cli") names.push_back(entry.path().stem().string());
  REQUIRE(names.size() >= 11);
  return names;
}

/// A page as the program prints it, without the licence line.
std::string page(const std::string& name) {
  const std::string text = hwprof_test::read_all((pages / (name + ".md")).string());
  const auto title = text.find("# ");
  return title == std::string::npos ? "" : text.substr(title);
}

/// Options that a page describes: "- `-n, --number N`: …" gives -n and --number.
std::set<std::string> described(const std::string& verb) {
  std::set<std::string> out;
  std::istringstream lines(page(verb));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("- `-", 0) != 0) continue;
    std::istringstream words(line.substr(3, line.find('`', 3) - 3));
    for (std::string word; words >> word;) {
      if (word.back() == ',') word.pop_back();
      if (word.front() == '-') out.insert(word);
    }
  }
  return out;
}

/// Options that the program takes, from its completion script.
std::map<std::string, std::set<std::string>> taken() {
  std::map<std::string, std::set<std::string>> out;
  std::istringstream lines(cli({"completion", "fish"}).out);
  const std::string begin = "complete -c hwprof-cli -n '__fish_seen_subcommand_from ";
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(begin, 0) != 0) continue;
    const auto quote = line.find('\'', begin.size());
    auto& options = out[line.substr(begin.size(), quote - begin.size())];
    std::istringstream words(line.substr(quote + 1, line.find(" -d ") - quote - 1));
    for (std::string word; words >> word;) {
      std::string name;
      if (word == "-l" && words >> name) options.insert("--" + name);
      if (word == "-s" && words >> name) options.insert("-" + name);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("help prints the pages of docs/cli, word for word") {
  REQUIRE(fs::exists(pages / "hwprof-cli.md"));
  CHECK(cli({"--help"}).out == page("hwprof-cli"));
  CHECK(cli({"help"}).out == page("hwprof-cli"));
  CHECK(cli({"parse", "--help"}).out == page("net2primitive"));
  for (const auto& verb : verbs()) {
    CAPTURE(verb);
    const auto outcome = cli({verb, "--help"});
    CHECK(outcome.code == 0);
    CHECK_FALSE(outcome.out.empty());
    CHECK(outcome.out == page(verb));
    CHECK(cli({"help", verb}).out == page(verb));
    CHECK(has(cli({"--help"}).out, "- `" + verb + "`"));
  }
}

TEST_CASE("every option is in its page, and every option of a page exists") {
  const auto options = taken();
  for (const auto& verb : verbs()) {
    CAPTURE(verb);
    REQUIRE(options.count(verb) == 1);
    CHECK(options.at(verb) == described(verb));
  }
  CHECK(options.at("parse") == options.at("net2primitive"));
  CHECK(options.size() == verbs().size() + 1);  // parse has no page of its own
}

TEST_CASE("version and completion") {
  const auto version = cli({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out.rfind("hwprof-cli ", 0) == 0);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = cli({"completion", shell});
    CHECK(script.code == 0);
    CHECK(has(script.out, "net2primitive"));
    CHECK(has(script.out, "channels-last"));
  }
  CHECK(cli({"completion", "tcsh"}).code == 2);
}

TEST_CASE("what the program does not know is refused with the nearest that it knows") {
  struct Call {
    std::vector<std::string> arguments;
    std::string said;
  };
  const std::vector<Call> calls{{{}, "a verb is expected"},
                                {{"profle"}, "did you mean profile"},
                                {{"list", "modles"}, "did you mean models"},
                                {{"list", "--jsno"}, "did you mean --json"},
                                {{"sample", "x.yaml", "--sed=1"}, "did you mean --seed"},
                                {{"help", "profil"}, "did you mean profile"},
                                {{"sample"}, "SPACE"},
                                {{"sample", "x.yaml", "--seed", "many"}, "--seed"},
                                {{"sample", "x.yaml", "--seed", "-1"}, "--seed"},
                                {{"sample", "x.yaml", "--image-size", "0"}, "--image-size"},
                                {{"sample", "x.yaml", "--image-size", "0"}, "a number above 0 is expected, found '0'"},
                                {{"genprof", "x.yaml", "--reslt-dir", "y"}, "did you mean --result-dir"},
                                {{"list", "models", "prims"}, "prims"},
                                {{"predict", "0.1", "--model"}, "--model"}};
  for (const auto& call : calls) {
    const auto outcome = cli(call.arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.rfind("hwprof-cli: ", 0) == 0);
    CHECK(has(outcome.err, call.said));
  }
}

TEST_CASE("with --json an error is a document too") {
  const auto outcome = cli({"sample", "no/such/file.yaml", "--json"});
  CHECK(outcome.code == 3);
  CHECK(has(outcome.err, "no/such/file.yaml"));
  const auto json = outcome.json();
  CHECK(json["schema"] == "hwprof.error/1");
  CHECK(json["error"]["fault"] == "input");
  CHECK(json["error"]["code"] == 3);
  CHECK(has(json["error"]["message"], "no/such/file.yaml"));
  CHECK(cli({"list", "--nonsense", "--json"}).json()["error"]["fault"] == "usage");
}

TEST_CASE("a bad space file is named with its line") {
  const TempFolder folder;
  const std::string text = hwprof_test::tiny_space;
  const auto at = text.find("conv_bn_relu_5x5");
  const auto unknown = folder.write("unknown.yaml", std::string(text).replace(at, 16, "conv_bn_relu_55"));
  const auto outcome =
      cli({"profile", unknown, "--out", folder.file("run"), "--plugin", HWPROF_TEST_PLUGIN, "--device", "fake"});
  CHECK(outcome.code == 3);
  CHECK(has(outcome.err, "unknown.yaml:8"));
  CHECK(has(outcome.err, "conv_bn_relu_5x5"));
  CHECK_FALSE(fs::exists(folder.file("run")));
  const auto broken = folder.write("broken.yaml", "kind: chain\nstages: [\n");
  CHECK(has(cli({"sample", broken}).err, "broken.yaml:"));
}

TEST_CASE("lists") {
  const auto all = cli({"list", "--json"});
  CHECK(all.code == 0);
  const auto json = all.json();
  CHECK(json["schema"] == "hwprof.list/1");
  for (const char* topic : {"spaces", "prims", "compilers", "models", "devices"}) CHECK(json.contains(topic));
  CHECK(json["models"].size() >= 2);
  CHECK(has(cli({"list", "spaces"}).out, "chain\n"));
  CHECK(has(cli({"list", "compilers", "--plugin", HWPROF_TEST_PLUGIN}).out, "fake\n"));
  CHECK(has(cli({"list", "devices", "--plugin", HWPROF_TEST_PLUGIN}).out, "fake\n"));
  CHECK(has(cli({"list", "prims"}).out, "mobilenet_v2_block"));
#if HWPROF_TEST_TORCH
  CHECK(has(cli({"list", "devices"}).out, "cpu\n"));
#else
  CHECK(has(cli({"list"}).out, "HWPROF_TORCH"));
#endif
}

TEST_CASE("a plug-in is found in HWPROF_PLUGIN_PATH and nowhere else") {
  const fs::path plugin(HWPROF_TEST_PLUGIN);
  const std::string name = plugin.filename().string();
  CHECK(cli({"list", "compilers", "--plugin", name}).code == 2);
  CHECK(has(cli({"list", "compilers", "--plugin", name}, {{"HWPROF_PLUGIN_PATH", plugin.parent_path().string()}}).out,
            "fake\n"));
}

TEST_CASE("samples are drawn by seed") {
  const TempFolder folder;
  const auto space = folder.write("tiny.yaml", hwprof_test::tiny_space);
  const auto first = cli({"sample", space, "-n", "5", "--seed", "3"});
  CHECK(first.code == 0);
  CHECK(first.out == cli({"sample", space, "--number", "5", "--seed", "3"}).out);
  CHECK(first.out != cli({"sample", space, "-n", "5", "--seed", "4"}).out);
  const auto json = cli({"sample", space, "-n", "5", "--seed", "3", "--names", "--prims", "--json"}).json();
  CHECK(json["archs"].size() == 5);
  CHECK(first.out.rfind(json["archs"][0]["arch"].get<std::string>() + "\n", 0) == 0);
  CHECK(has(json["archs"][0]["names"], "a.depth="));
  CHECK(json["archs"][0]["prims"].size() >= 4);
}
