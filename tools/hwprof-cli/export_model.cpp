// SPDX-License-Identifier: Apache-2.0
#include "export_model.hpp"

#include "hwprof/model.hpp"
#include "inputs.hpp"
#include "output.hpp"

namespace hwprof_cli {

void export_model(const Cli& cli, const std::string& model_path, const std::string& format, const std::string& out,
                  bool force) {
  check_new_file(out, force);
  const ModelChoice choice(model_path);
  const auto model = hwprof::load_model(choice.file);
  Json report{{"schema", "hwprof.export_model/1"}, {"model", choice.file}, {"format", format}, {"out", out}};
  if (format == "model") {
    hwprof::save_model(out, model);
    if (cli.json) return print_json(report);
    if (!cli.quiet) print_row("written to", out);
    return;
  }
  const auto table = hwprof::save_ofa_table(out, model);
  report["rows"] = table.rows;
  report["bias_s"] = table.bias_s;
  report["left_out"] = Json::array();
  for (const auto& prim : table.left_out) report["left_out"].push_back(hwprof::to_string(prim));
  if (cli.json) return print_json(report);
  if (cli.quiet) return;
  print_row("table", count(table.rows, "row"));
  if (table.bias_s != 0)
    print_row("note",
              "the model adds " + seconds_text(table.bias_s) + " to the sum of the rows, which no row can hold");
  for (const auto& prim : table.left_out) print_row("left out", hwprof::to_string(prim));
  print_row("written to", out);
}

}  // namespace hwprof_cli
