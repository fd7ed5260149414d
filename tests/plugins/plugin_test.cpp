// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

const std::string folder = PLUGIN_DIR;

bool is_listed(const std::string& name) {
  const auto names = list_compilers();
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("what is no file, no library or no plug-in is refused by name") {
  const hwprof_test::TempFolder temp;
  ::unsetenv("HWPROF_PLUGIN_PATH");
  CHECK(has(error_of(Fault::usage, [] { load_plugin(""); }), "file name"));
  CHECK(has(error_of(Fault::usage, [&] { load_plugin(temp.file("none.so")); }), "no such file"));
  CHECK(has(error_of(Fault::usage, [&] { load_plugin(temp.path() + "/"); }), "no such file"));
  const std::string text = temp.write("text.so", "this is no library");
  CHECK(has(error_of(Fault::unsupported, [&] { load_plugin(text); }), "cannot be loaded"));
  CHECK(has(error_of(Fault::unsupported, [] { load_plugin(folder + "/" + PLUGIN_NONE); }), "no plug-in of hwprof"));
}

TEST_CASE("a plug-in of another ABI is refused with both numbers before it can do anything") {
  const std::string message = error_of(Fault::unsupported, [] { load_plugin(folder + "/" + PLUGIN_OTHER_ABI); });
  CHECK(has(message, "ABI 4711"));
  CHECK(has(message, "ABI " + std::to_string(plugin_abi)));
}

TEST_CASE("a bare name is looked for in the folders of HWPROF_PLUGIN_PATH and nowhere else") {
  ::unsetenv("HWPROF_PLUGIN_PATH");
  CHECK(has(error_of(Fault::usage, [] { load_plugin(PLUGIN_GOOD); }), "not set"));
  // A name that the dynamic linker would find by itself, and files of the working folder.
  CHECK(has(error_of(Fault::usage, [] { load_plugin("libm.so.6"); }), "HWPROF_PLUGIN_PATH"));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  error_of(Fault::usage, [] { load_plugin(PLUGIN_GOOD); });
  ::setenv("HWPROF_PLUGIN_PATH", "::/nowhere:", 1);  // empty entries are not the working folder
  CHECK(has(error_of(Fault::usage, [] { load_plugin(PLUGIN_GOOD); }), "/nowhere"));
  std::filesystem::current_path(before);
  CHECK_FALSE(is_listed("nothing"));

  ::setenv("HWPROF_PLUGIN_PATH", ("/nowhere:" + folder).c_str(), 1);
  load_plugin(PLUGIN_GOOD);
  REQUIRE(is_listed("nothing"));
  CHECK(make_compiler("nothing")->name() == "nothing");
  load_plugin(folder + "/" + PLUGIN_GOOD);  // once more, by path
  CHECK(is_listed("nothing"));
  ::unsetenv("HWPROF_PLUGIN_PATH");
}
