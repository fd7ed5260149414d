// SPDX-License-Identifier: Apache-2.0
#include "measure/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "measure/journal_line.hpp"

namespace hwprof::measuring {
namespace {

[[noreturn]] void cannot(const std::string& file, const std::string& what, int reason) {
  throw Error(Fault::input, file + ": " + what + ": " + std::strerror(reason));
}

void check_same(const std::string& file, const JournalHead& found, const JournalHead& wanted) {
  const auto differs = [&file](const std::string& what, const std::string& old, const std::string& now) {
    throw Error(Fault::usage, file + ": was begun with " + what + " " + base::in_quotes(old) + ", now it is " +
                                  base::in_quotes(now) +
                                  "; samples of both do not belong together, use another folder");
  };
  if (found.subject != wanted.subject) differs("network", found.subject, wanted.subject);
  if (found.parts != wanted.parts) differs("layers", std::to_string(found.parts), std::to_string(wanted.parts));
  for (const auto& [key, value] : wanted.settings) {
    const auto old = found.settings.find(key);
    if (old == found.settings.end()) differs(key, "", value);
    if (old->second != value) differs(key, old->second, value);
  }
}

}  // namespace

JournalContent load_journal(const std::string& file) {
  if (!base::exists(file)) return {};
  return read_journal(base::read_file(file), file);
}

Journal::Journal(std::string file, const JournalHead& head) : file_(std::move(file)) {
  const std::filesystem::path path(file_);
  if (path.has_parent_path()) base::make_folder(path.parent_path().string());
  handle_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (handle_ < 0) cannot(file_, "cannot be opened", errno);
  try {
    if (::flock(handle_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) throw Error(Fault::usage, file_ + ": another process is measuring here");
      cannot(file_, "cannot be locked", errno);
    }
    const std::string text = base::read_file(file_);
    content_ = read_journal(text, file_);
    if (content_.begun) check_same(file_, content_.head, head);
    if (content_.good_bytes < text.size() && ::ftruncate(handle_, static_cast<off_t>(content_.good_bytes)) != 0)
      cannot(file_, "cannot be cut", errno);
    if (!content_.begun) {
      content_.begun = true;
      content_.head = head;
      write_line(to_body(head));
    }
    for (std::size_t i = content_.notes.size() - content_.tail_notes; i < content_.notes.size(); ++i)
      write_line(to_body(content_.notes[i]));
  } catch (...) {
    ::close(handle_);
    throw;
  }
}

Journal::~Journal() {
  ::close(handle_);
}

void Journal::append(const Visit& visit) {
  write_line(to_body(visit));
  content_.visits.push_back(visit);
}

void Journal::append(const Failure& failure) {
  write_line(to_body(failure));
  content_.failures.push_back(failure);
}

void Journal::append(const Readings& readings) {
  write_line(to_body(readings));
  content_.readings.push_back(readings);
}

void Journal::sync() {
  if (::fdatasync(handle_) != 0) cannot(file_, "cannot be written", errno);
}

void Journal::write_line(const std::string& body) {
  const std::string line = with_checksum(body);
  const off_t before = ::lseek(handle_, 0, SEEK_END);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(handle_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int reason = errno;
      // Should the cut fail as well, the torn line has no valid checksum and is not believed.
      if (::ftruncate(handle_, before) == 0) cannot(file_, "cannot be written", reason);
      cannot(file_, "cannot be written, and ends with a torn line", reason);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace hwprof::measuring
