// SPDX-License-Identifier: Apache-2.0
#include "base/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::base {
namespace fs = std::filesystem;
namespace {

constexpr const char* manifest_name = ".hwprof-manifest";
constexpr std::string_view temporary_mark = ".hwprof-part-";  // followed by six characters of mkstemp's choice

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(Fault::input, path + ": " + what);
}

/// "net2" < "net10": runs of digits compare by value.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto number = [&digit](const std::string& text, std::size_t& at) {
        while (at < text.size() && text[at] == '0') ++at;
        const std::size_t begin = at;
        while (at < text.size() && digit(text[at])) ++at;
        return text.substr(begin, at - begin);
      };
      const std::string x = number(a, i);
      const std::string y = number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  if ((i < a.size()) != (j < b.size())) return j < b.size();
  return a < b;
}

}  // namespace

std::string read_file(const std::string& file, std::uint64_t max_bytes) {
  std::error_code error;
  const auto status = fs::status(file, error);
  if (!fs::exists(status)) fail(file, "no such file");
  if (fs::is_directory(status)) fail(file, "is a folder, a file is expected");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(file, std::string("cannot be opened: ") + std::strerror(errno));
  std::string content;
  std::string block(std::size_t{1} << 16, '\0');
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    content.append(block, 0, static_cast<std::size_t>(stream.gcount()));
    if (content.size() > max_bytes) fail(file, "is larger than " + std::to_string(max_bytes) + " bytes");
  }
  if (stream.bad()) fail(file, "cannot be read");
  return content;
}

void write_file(const std::string& file, std::string_view content) {
  const fs::path path(file);
  if (path.has_parent_path()) make_folder(path.parent_path().string());
  std::string temporary = file + std::string(temporary_mark) + "XXXXXX";
  const int handle = ::mkstemp(temporary.data());
  if (handle < 0) fail(file, std::string("cannot be written: ") + std::strerror(errno));
  bool good = ::fchmod(handle, 0644) == 0;
  while (good && !content.empty()) {
    const ssize_t written = ::write(handle, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    good = written > 0;
    if (good) content.remove_prefix(static_cast<std::size_t>(written));
  }
  good = good && ::fsync(handle) == 0;
  int reason = good ? 0 : errno;
  good = ::close(handle) == 0 && good;
  if (good && std::rename(temporary.c_str(), file.c_str()) != 0) {
    good = false;
    reason = errno;
  }
  if (!good) {
    ::unlink(temporary.c_str());
    fail(file, std::string("cannot be written: ") + std::strerror(reason));
  }
}

std::vector<std::string> list_tree(const std::string& dir) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::recursive_directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_symlink(ignored) || !it->is_directory(ignored))
      names.push_back(it->path().lexically_relative(dir).string());
  }
  if (error && error != std::errc::no_such_file_or_directory) fail(dir, "cannot be listed: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_temporary(const std::string& name) {
  const auto at = name.rfind(temporary_mark);
  return at != std::string::npos && at > 0 && name.size() - at == temporary_mark.size() + 6;
}

void sweep_folder(const std::string& dir) {
  for (const auto& name : list_folder(dir)) {
    const fs::path path = fs::path(dir) / name;
    std::error_code error;
    if (is_temporary(name) && fs::is_regular_file(fs::symlink_status(path, error))) fs::remove(path, error);
  }
}

void share_file(const std::string& from, const std::string& to) {
  std::error_code error;
  const fs::path real = fs::canonical(from, error);
  if (error || !fs::is_regular_file(real, error)) fail(from, "no such file");
  const fs::path part = to + std::string(temporary_mark) + "shared";
  fs::remove(part, error);
  fs::create_hard_link(real, part, error);
  if (error) fs::copy_file(real, part, fs::copy_options::overwrite_existing, error);
  if (!error) fs::rename(part, to, error);
  std::error_code ignored;
  fs::remove(part, ignored);  // two names of one file stay two when one takes the other's place
  if (error) fail(to, "cannot be written: " + error.message());
}

bool has_content(const std::string& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) && fs::file_size(file, error) > 0 && !error;
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

void make_folder(const std::string& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  std::error_code ignored;
  if (!fs::is_directory(dir, ignored))
    fail(dir, "cannot be made a folder" + (error ? ": " + error.message() : std::string()));
}

std::vector<std::string> list_folder(const std::string& dir) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) fail(dir, "cannot be listed: " + error.message());
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

std::string inside(const std::string& dir, const std::string& relative) {
  const fs::path path(relative);
  if (relative.empty() || path.is_absolute() || relative.find('\0') != std::string::npos)
    fail(dir, "path " + in_quotes(relative) + " must be relative");
  for (const auto& part : path)
    if (part == "..") fail(dir, "path " + in_quotes(relative) + " leads out of the folder");
  const fs::path root = fs::weakly_canonical(dir);
  const fs::path real = fs::weakly_canonical(root / path);
  const auto [root_end, ignored] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
  if (root_end != root.end()) fail(dir, "path " + in_quotes(relative) + " leads out of the folder through a link");
  return (fs::path(dir) / path).string();
}

Manifest::Manifest(std::string dir) : dir_(std::move(dir)) {
  const std::string file = (fs::path(dir_) / manifest_name).string();
  if (!exists(file)) return;
  std::istringstream lines(read_file(file));
  std::string line;
  while (std::getline(lines, line)) {
    if (line.empty()) continue;
    (void)inside(dir_, line);
    entries_.push_back(line);
  }
}

void Manifest::save() const {
  make_folder(dir_);
  write_file((fs::path(dir_) / manifest_name).string(), join(entries_, "\n") + "\n");
}

void Manifest::add(const std::string& relative) {
  add(std::vector<std::string>{relative});
}

void Manifest::add(const std::vector<std::string>& relative) {
  std::set<std::string> known(entries_.begin(), entries_.end());
  const std::size_t before = entries_.size();
  for (const auto& path : relative) {
    (void)inside(dir_, path);
    if (path.find('\n') != std::string::npos) fail(dir_, "path " + in_quotes(path) + " has a line break");
    if (known.insert(path).second) entries_.push_back(path);
  }
  if (entries_.size() != before) save();
}

void Manifest::forget(const std::string& relative) {
  const auto end = std::remove(entries_.begin(), entries_.end(), relative);
  if (end == entries_.end()) return;
  entries_.erase(end, entries_.end());
  save();
}

void Manifest::settle(const std::vector<std::string>& folders) {
  const std::set<std::string> settled(folders.begin(), folders.end());
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [&settled](const std::string& entry) { return settled.count(entry) != 0; }),
                 entries_.end());
  std::set<std::string> known(entries_.begin(), entries_.end());
  for (const auto& folder : folders)
    for (const auto& file : list_tree((fs::path(dir_) / folder).string()))
      if (known.insert(folder + file).second) entries_.push_back(folder + file);
  save();
}

bool Manifest::lists(const std::string& relative) const {
  return std::any_of(entries_.begin(), entries_.end(), [&relative](const std::string& entry) {
    return entry == relative || (entry.back() == '/' && starts_with(relative, entry));
  });
}

void Manifest::erase_listed() {
  std::error_code error;
  for (const auto& entry : entries_) {
    fs::path path = inside(dir_, entry);
    if (entry.back() == '/')
      fs::remove_all(path, error);
    else
      fs::remove(path, error);
    if (error) fail(path.string(), "cannot be erased: " + error.message());
    if (entry.back() == '/') path = path.parent_path();
    const fs::path root(dir_);
    for (path = path.parent_path(); path != root && path.string().size() > root.string().size();
         path = path.parent_path())
      if (!fs::is_empty(path, error) || !fs::remove(path, error)) break;
  }
  entries_.clear();
  fs::remove(fs::path(dir_) / manifest_name, error);
}

std::vector<std::string> Manifest::foreign() const {
  std::vector<std::string> names;
  if (!is_folder(dir_)) return names;
  for (const auto& name : list_folder(dir_)) {
    const auto listed = [&name](const std::string& entry) { return entry.substr(0, entry.find('/')) == name; };
    if (name != manifest_name && !is_temporary(name) && std::none_of(entries_.begin(), entries_.end(), listed))
      names.push_back(name);
  }
  return names;
}

std::vector<std::string> Manifest::strangers() const {
  std::set<std::string> tops;
  for (const auto& entry : entries_)
    if (const auto slash = entry.find('/'); slash != std::string::npos) tops.insert(entry.substr(0, slash + 1));
  const std::set<std::string> known(entries_.begin(), entries_.end());
  const auto is_known = [&](const std::string& file) {
    for (auto slash = file.find('/'); slash != std::string::npos; slash = file.find('/', slash + 1))
      if (known.count(file.substr(0, slash + 1)) != 0) return true;
    return known.count(file) != 0;
  };
  std::vector<std::string> found;
  for (const auto& top : tops)
    for (const auto& name : list_tree((fs::path(dir_) / top).string()))
      if (!is_known(top + name) && !is_temporary(fs::path(name).filename().string())) found.push_back(top + name);
  return found;
}

}  // namespace hwprof::base
