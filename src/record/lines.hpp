// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hwprof/record.hpp"

namespace hwprof::record {

/// The lines of a file or a text one by one, in memory that does not grow with it. Line ends (LF, CR LF) are taken
/// off; of a line longer than most_bytes only the beginning is seen.
class Lines {
 public:
  static constexpr std::size_t most_bytes = std::size_t{1} << 20;

  /// @throws Error(Fault::input) when the file cannot be read, also later from next().
  explicit Lines(const std::string& file);
  Lines(std::string_view text, std::string source);

  /// The next line, valid until the following call; false at the end.
  bool next(std::string_view& line);
  [[nodiscard]] std::size_t number() const noexcept { return number_; }  ///< of the line last seen, from 1
  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  [[nodiscard]] std::string place() const;                    ///< "file:12"
  [[nodiscard]] bool torn() const noexcept { return torn_; }  ///< the line last seen had no end

 private:
  bool next_of_file(std::string_view& line);
  void refill();

  struct Close {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
  };
  std::string source_;
  std::unique_ptr<std::FILE, Close> file_;
  std::string_view text_;     ///< what is left of a text
  std::vector<char> buffer_;  ///< of a file: begin_ to end_ is unread
  std::size_t begin_ = 0, end_ = 0, number_ = 0;
  bool torn_ = false;
};

/// What is wrong in a file, counted by kind, so that a million bad lines make one note.
class Complaints {
 public:
  /// what: one of a few fixed texts.
  void add(const std::string& what, const std::string& place);
  [[nodiscard]] bool empty() const noexcept { return kinds_.empty(); }
  /// One note a kind: "place: what (1 of 12 such)".
  void report(Notes& notes) const;

 private:
  std::map<std::string, std::pair<std::string, std::size_t>> kinds_;
};

/// Words between blanks and tabs.
void split_words(std::string_view line, std::vector<std::string_view>& words);

/// Cells of a line of CSV; cells may stand in double quotes. A quote that is not closed ends with the line: false.
bool split_cells(std::string_view line, std::vector<std::string>& cells);

/// The text as the name of a network: what is not a letter, digit or one of _.+- becomes '_'.
[[nodiscard]] std::string safe_id(std::string_view name);
inline constexpr const char* nameless_kernel = "kernel";  ///< id of a table that names none

}  // namespace hwprof::record
