// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/files.hpp"
#include "hwprof/model.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

namespace hwprof_test {

/// A model file with one change, and the error that loading it gives, which must name the file.
template <typename Change>
std::string refusal_of(const std::string& model_file, Change&& change) {
  auto content = nlohmann::json::parse(hwprof::base::read_file(model_file));
  change(content);
  const TempFolder folder;
  const std::string file = folder.write("m.json", content.dump());
  const std::string what = error_of(hwprof::Fault::input, [&] { (void)hwprof::load_model(file); });
  CHECK(has(what, "m.json"));
  return what;
}

}  // namespace hwprof_test
