// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/files.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

namespace base = hwprof::base;
using hwprof::Fault;
using hwprof_test::TempFolder;

TEST_CASE("a manifest lists files and whole folders, and forgets") {
  const TempFolder folder;
  base::Manifest manifest(folder.path());
  manifest.add({"a.json", "nets/", "deep/b.json"});
  CHECK(manifest.lists("a.json"));
  CHECK(manifest.lists("nets/0/raw/x"));
  CHECK_FALSE(manifest.lists("deep/c.json"));
  CHECK_FALSE(manifest.lists("a.json.old"));
  manifest.forget("nets/");
  CHECK_FALSE(base::Manifest(folder.path()).lists("nets/0"));
  CHECK(base::Manifest(folder.path()).lists("deep/b.json"));
  for (const char* bad : {"../x", "/x", "a\nb"})
    hwprof_test::error_of(Fault::input, [&] { manifest.add(std::vector<std::string>{"good", bad}); });
}

TEST_CASE("what a killed write left is swept, and a name like it is not") {
  const TempFolder folder;
  folder.write("model.json.hwprof-a1B2c3", "torn");
  folder.write("model.json.backup", "mine");
  folder.write(".hwprof-abcdef", "mine");
  folder.write("x.hwprof-abcdefg", "mine");
  const base::Manifest manifest(folder.path());
  CHECK(manifest.foreign().size() == 3);
  base::sweep_folder(folder.path());
  CHECK(base::list_folder(folder.path()).size() == 3);
  CHECK_FALSE(base::exists(folder.file("model.json.hwprof-a1B2c3")));
}
