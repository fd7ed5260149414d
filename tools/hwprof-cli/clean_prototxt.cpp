// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "cli.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

using hwprof::Error;
using hwprof::Fault;

struct Options {
  std::string file, out;
  bool force = false;
};

void clean(const Cli& cli, const Options& options) {
  std::ifstream in(options.file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in || text.empty()) throw Error(Fault::input, options.file + ": cannot be read, or is empty");
  std::vector<std::string> notes;
  const std::string cleaned = hwprof::clean_prototxt(text, options.file, &notes);
  check_new_file(options.out, options.force);
  const std::string part = options.out + ".part";
  std::ofstream out(part, std::ios::binary);
  out << cleaned;
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(part, options.out, error);
  if (!out || error) throw Error(Fault::input, options.out + ": cannot be written");
  if (cli.json) {
    print_json({{"schema", "hwprof.clean-prototxt/1"}, {"file", options.out}, {"notes", notes}});
  } else if (!cli.quiet) {
    for (const auto& note : notes) std::cout << note << '\n';
    if (notes.empty()) std::cout << "nothing to mend\n";
  }
}

}  // namespace

void add_clean_prototxt(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "clean-prototxt", "Take a redundant input out of a Caffe network",
                            [&cli, options] { clean(cli, *options); });
  verb->add_option("FILE", options->file, "The prototxt")->required();
  verb->add_option("--out", options->out, "File to write")->required();
  verb->add_flag("--force", options->force, "Replace a file that is there");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
