// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "pages.hpp"

namespace hwprof_cli {

void add_help(Cli& cli) {
  auto topic = std::make_shared<std::string>();
  CLI::App* verb = add_verb(cli, "help", "Print the page of a verb", [topic] {
    const std::string name = topic->empty() ? "hwprof-cli" : *topic == "parse" ? "net2primitive" : *topic;
    const std::string text = page(name);
    if (text.empty())
      throw hwprof::Error(hwprof::Fault::usage,
                          "there is no page '" + name + "'" + hwprof::did_you_mean(name, page_names()));
    std::cout << text;
  });
  verb->add_option("VERB", *topic, "Verb");
}

}  // namespace hwprof_cli
