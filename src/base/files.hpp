// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hwprof::base {

/// @throws Error(Fault::input) when it cannot be read or is larger than max_bytes.
[[nodiscard]] std::string read_file(const std::string& file, std::uint64_t max_bytes = std::uint64_t{1} << 28);

/// Appears by rename, so that a reader sees the old content or the new one. Folders above are created.
/// @throws Error(Fault::input) when it cannot be written.
void write_file(const std::string& file, std::string_view content);

/// Whether a file of this name is one that write_file() has not finished.
[[nodiscard]] bool is_temporary(const std::string& name);

/// Erases what a killed write_file() left in dir (not below it); anything else stays.
void sweep_folder(const std::string& dir);

/// Another name of the file, or a copy, by rename, where the file system has no such thing. Of a link it is what it
/// leads to: a second name of the link itself would lead elsewhere from there. What was at `to` is gone.
/// @throws Error(Fault::input) when there is no such file, or `to` cannot be written.
void share_file(const std::string& from, const std::string& to);

[[nodiscard]] bool exists(const std::string& path);
/// Whether it is a file, or leads to one, that is not empty.
[[nodiscard]] bool has_content(const std::string& file);
[[nodiscard]] bool is_folder(const std::string& path);
void make_folder(const std::string& dir);

/// Names (not paths) of what lies in dir, sorted with numbers by value ("2" before "10").
[[nodiscard]] std::vector<std::string> list_folder(const std::string& dir);

/// What lies in dir and below it, folders apart, relative to dir, sorted; links are listed and not followed. Nothing of
/// a folder that is not there.
[[nodiscard]] std::vector<std::string> list_tree(const std::string& dir);

/// dir / relative. @throws Error(Fault::input) when relative is absolute, has "..", or a link on the way
/// leads out of dir.
[[nodiscard]] std::string inside(const std::string& dir, const std::string& relative);

/// The files that hwprof wrote into a folder, kept in its file ".hwprof-manifest". What is not listed
/// there is never erased.
class Manifest {
 public:
  /// A folder without a manifest has an empty one. @throws Error(Fault::input) for a damaged file.
  explicit Manifest(std::string dir);
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// Notes a path, relative to dir, before it is written. A path that ends with '/' stands for a folder
  /// and everything in it.
  void add(const std::string& relative);
  void add(const std::vector<std::string>& relative);
  void forget(const std::string& relative);
  /// Lists the files that are now in listed folders, in place of the folders: what comes later is not ours.
  void settle(const std::vector<std::string>& folders);
  /// Whether the path itself or a folder above it is listed.
  [[nodiscard]] bool lists(const std::string& relative) const;
  /// Erases what is listed, then the folders that this leaves empty; the manifest is empty afterwards.
  void erase_listed();
  /// Names in dir, the manifest and what a killed write left apart, that are not listed.
  [[nodiscard]] std::vector<std::string> foreign() const;
  /// Files, likewise, in the folders of what is listed that are not listed themselves.
  [[nodiscard]] std::vector<std::string> strangers() const;

 private:
  void save() const;

  std::string dir_;
  std::vector<std::string> entries_;
};

}  // namespace hwprof::base
