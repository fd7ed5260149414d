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
  folder.write("model.json.hwprof-part-a1B2c3", "torn");
  folder.write("model.json.backup", "mine");
  folder.write(".hwprof-part-abcdef", "mine");
  folder.write("x.hwprof-part-abcdefg", "mine");
  folder.write("notes.hwprof-backup", "mine");
  const base::Manifest manifest(folder.path());
  CHECK(manifest.foreign().size() == 4);
  base::sweep_folder(folder.path());
  CHECK(base::list_folder(folder.path()).size() == 4);
  CHECK_FALSE(base::exists(folder.file("model.json.hwprof-part-a1B2c3")));
}

TEST_CASE("a listed folder is settled: its files are ours, and what comes later is not") {
  const TempFolder folder;
  base::Manifest manifest(folder.path());
  manifest.add(std::vector<std::string>{"nets/0/raw/", "nets/0/net.yaml"});
  folder.write("nets/0/net.yaml", "ours");
  folder.write("nets/0/raw/samples.jsonl", "ours");
  CHECK(manifest.strangers().empty());
  manifest.settle({"nets/0/raw/"});
  CHECK(base::Manifest(folder.path()).lists("nets/0/raw/samples.jsonl"));
  folder.write("nets/0/raw/notes.txt", "mine");
  folder.write("elsewhere/notes.txt", "mine");
  CHECK(manifest.strangers() == std::vector<std::string>{"nets/0/raw/notes.txt"});
  manifest.erase_listed();
  CHECK(base::read_file(folder.file("nets/0/raw/notes.txt")) == "mine");
  CHECK_FALSE(base::exists(folder.file("nets/0/raw/samples.jsonl")));
  CHECK_FALSE(base::exists(folder.file("nets/0/net.yaml")));
}
