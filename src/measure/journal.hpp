// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "measure/visit.hpp"

namespace hwprof::measuring {

/// Whose journal it is; its first line.
struct JournalHead {
  std::string subject;
  std::size_t parts = 0;
  std::map<std::string, std::string> settings;  ///< what must be the same for samples to belong together
};

/// Why a subject will not be visited again.
struct Failure {
  std::string kind;  ///< "failed", "unsupported" or "out_of_memory"
  std::string reason;
};

/// What a subject was asked once beside its times.
struct Readings {
  std::map<std::string, double> values;       ///< by name and unit, "memory_bytes"
  std::map<std::string, std::string> absent;  ///< likewise: why there is none
};

/// What the believable lines of a journal say.
struct JournalContent {
  bool begun = false;  ///< the head is there
  JournalHead head;
  std::vector<Visit> visits;       ///< by round, no round twice
  std::vector<Failure> failures;   ///< at most one
  std::vector<Readings> readings;  ///< at most one
  std::vector<std::string> notes;  ///< lines that were not believed, now or in an earlier call
  std::size_t tail_notes = 0;      ///< how many of them, at the back, are about what follows good_bytes
  std::size_t good_bytes = 0;      ///< end of the last line that is believed
};

/// Reads the text of a journal. Every line carries a CRC-32 of its own content; one that does not match, or
/// has no line's end, is noted and not believed. Without an intact first line nothing is.
[[nodiscard]] JournalContent read_journal(std::string_view text, const std::string& source);

/// The same for a file; a file that is not there is an empty journal.
[[nodiscard]] JournalContent load_journal(const std::string& file);

/// An append-only file of visits, one line each, which survives a kill at any moment. The process that
/// has it open holds a lock on it.
class Journal {
 public:
  /// Opens or creates the file and cuts off a tail that is not believed.
  /// @throws Error(Fault::usage) when another process has it open, or when it was begun for another
  /// subject or with other settings, which are named; Error(Fault::input) when it cannot be written.
  Journal(std::string file, const JournalHead& head);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void append(const Visit& visit);
  void append(const Failure& failure);
  void append(const Readings& readings);
  void sync();  ///< returns when the disk has it

  [[nodiscard]] const JournalContent& content() const noexcept { return content_; }

 private:
  void write_line(const std::string& body);
  std::string file_;
  int handle_ = -1;
  JournalContent content_;
};

}  // namespace hwprof::measuring
