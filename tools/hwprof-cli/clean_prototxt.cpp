// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
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

/// One byte more than clean_prototxt() takes, at most, so that it refuses what is longer.
std::string read_some(const std::string& file) {
  constexpr std::size_t most = (std::size_t{16} << 20) + 1;
  std::ifstream in(file, std::ios::binary);
  std::string text;
  std::array<char, 1 << 16> block{};
  while (in && text.size() < most) {
    in.read(block.data(), static_cast<std::streamsize>(std::min(block.size(), most - text.size())));
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad() || text.empty()) throw Error(Fault::input, file + ": cannot be read, or is empty");
  return text;
}

void clean(const Cli& cli, const Options& options) {
  std::vector<std::string> notes;
  const std::string cleaned = hwprof::clean_prototxt(read_some(options.file), options.file, &notes);
  check_new_file(options.out, options.force);
  write_file(options.out, cleaned);
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
