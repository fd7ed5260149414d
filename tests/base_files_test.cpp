// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>

#include "base/files.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

namespace base = hwprof::base;
namespace fs = std::filesystem;
using hwprof::Fault;
using hwprof_test::error_of;
using hwprof_test::has;

TEST_CASE("a written file is read back, and no temporary stays") {
  const hwprof_test::TempFolder folder;
  const std::string file = folder.file("deep/er/file");
  base::write_file(file, "one");
  base::write_file(file, std::string("two\0three", 9));
  CHECK(base::read_file(file) == std::string("two\0three", 9));
  CHECK(base::list_folder(folder.file("deep/er")).size() == 1);
}

TEST_CASE("a shared file is what its name leads to, whatever was there before") {
  const hwprof_test::TempFolder folder;
  folder.write("far/away/file", "one");
  fs::create_directories(folder.file("links"));
  fs::create_symlink("../far/away/file", folder.file("links/name"));
  folder.write("here/other", "before");
  base::share_file(folder.file("links/name"), folder.file("here/other"));
  CHECK_FALSE(fs::is_symlink(folder.file("here/other")));
  CHECK(fs::equivalent(folder.file("here/other"), folder.file("far/away/file")));
  base::share_file(folder.file("far/away/file"), folder.file("here/other"));  // once more
  CHECK(base::read_file(folder.file("here/other")) == "one");
  CHECK(base::list_folder(folder.file("here")).size() == 1);
  CHECK(has(error_of(Fault::input, [&] { base::share_file(folder.file("absent"), folder.file("here/x")); }), "absent"));
  CHECK(has(error_of(Fault::input, [&] { base::share_file(folder.file("far"), folder.file("here/x")); }), "far"));
  CHECK(base::has_content(folder.file("links/name")));
  CHECK_FALSE(base::has_content(folder.file("links")));
  CHECK_FALSE(base::has_content(folder.write("empty", "")));
}

TEST_CASE("what cannot be read is named") {
  const hwprof_test::TempFolder folder;
  CHECK(has(error_of(Fault::input, [&] { (void)base::read_file(folder.file("absent")); }), "absent"));
  CHECK(has(error_of(Fault::input, [&] { (void)base::read_file(folder.path()); }), "folder"));
  folder.write("big", std::string(100, 'x'));
  CHECK(has(error_of(Fault::input, [&] { (void)base::read_file(folder.file("big"), 99); }), "larger than 99"));
}

TEST_CASE("names are sorted with numbers by value") {
  const hwprof_test::TempFolder folder;
  for (const char* name : {"10", "2", "1", "a10", "a9"}) folder.write(name, "");
  CHECK(base::list_folder(folder.path()) == std::vector<std::string>{"1", "2", "10", "a9", "a10"});
}

TEST_CASE("a path cannot leave its folder") {
  const hwprof_test::TempFolder folder;
  const std::string dir = folder.file("run");
  base::make_folder(dir);
  CHECK(base::inside(dir, "raw/x") == dir + "/raw/x");
  for (const char* bad : {"../x", "a/../../x", "/etc/passwd", ""})
    CHECK(has(error_of(Fault::input, [&] { (void)base::inside(dir, bad); }), dir));
  fs::create_directory_symlink(folder.path(), dir + "/link");
  CHECK(has(error_of(Fault::input, [&] { (void)base::inside(dir, "link/x"); }), "link"));
}

TEST_CASE("only what the manifest lists is erased") {
  const hwprof_test::TempFolder folder;
  {
    base::Manifest manifest(folder.path());
    CHECK(manifest.empty());
    manifest.add("ours.json");
    manifest.add("nets/");
    folder.write("ours.json", "{}");
    folder.write("nets/0/net.yaml", "");
    folder.write("theirs.txt", "keep");
    CHECK(manifest.foreign() == std::vector<std::string>{"theirs.txt"});
  }
  base::Manifest again(folder.path());
  CHECK_FALSE(again.empty());
  again.erase_listed();
  CHECK(base::list_folder(folder.path()) == std::vector<std::string>{"theirs.txt"});
}

TEST_CASE("a manifest that names a path outside is refused") {
  const hwprof_test::TempFolder folder;
  folder.write(".hwprof-manifest", "../../etc\n");
  error_of(Fault::input, [&] { const base::Manifest manifest(folder.path()); });
}
