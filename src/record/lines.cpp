// SPDX-License-Identifier: Apache-2.0
#include "record/lines.hpp"

#include <algorithm>
#include <cstring>

#include "base/byte_order_mark.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::record {

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 18;

}  // namespace

Lines::Lines(const std::string& file) : source_(file) {
  if (base::is_folder(file)) throw Error(Fault::input, file + ": is a folder, a file is expected");
  file_.reset(std::fopen(file.c_str(), "rb"));
  if (!file_) throw Error(Fault::input, file + ": cannot be read");
  std::setvbuf(file_.get(), nullptr, _IONBF, 0);
  buffer_.resize(chunk_bytes);
}

Lines::Lines(std::string_view text, std::string source) : source_(std::move(source)), text_(text) {}

std::string Lines::place() const {
  return source_ + ":" + std::to_string(number_);
}

void Lines::refill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + chunk_bytes > buffer_.size()) buffer_.resize(end_ + chunk_bytes);
  const std::size_t got = std::fread(buffer_.data() + end_, 1, chunk_bytes, file_.get());
  if (got == 0 && std::ferror(file_.get()) != 0) throw Error(Fault::input, source_ + ": cannot be read");
  end_ += got;
}

bool Lines::next_of_file(std::string_view& line) {
  bool skipping = false;  // the rest of a line of which the beginning was kept
  std::string kept;
  for (std::size_t scanned = 0;;) {
    const char* from = buffer_.data() + begin_;
    const void* found = std::memchr(from + scanned, '\n', end_ - begin_ - scanned);
    if (found != nullptr) {
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - from);
      line = {from, length};
      begin_ += length + 1;
      torn_ = false;
      break;
    }
    scanned = end_ - begin_;
    if (scanned > most_bytes) {
      if (!skipping) kept.assign(from, most_bytes);
      skipping = true;
      begin_ = end_;
      scanned = 0;
    }
    const std::size_t before = end_ - begin_;
    refill();
    if (end_ - begin_ == before) {
      if (before == 0 && !skipping) return false;
      line = {buffer_.data() + begin_, before};
      begin_ = end_;
      torn_ = true;
      break;
    }
  }
  if (skipping) {
    // The line must outlive this call, so its beginning takes the buffer's free front; what is unread moves behind.
    const std::string rest(buffer_.data() + begin_, end_ - begin_);
    buffer_.assign(kept.begin(), kept.end());
    buffer_.insert(buffer_.end(), rest.begin(), rest.end());
    begin_ = kept.size();
    end_ = buffer_.size();
    line = {buffer_.data(), kept.size()};
  }
  return true;
}

bool Lines::next(std::string_view& line) {
  if (file_) {
    if (!next_of_file(line)) return false;
  } else {
    if (text_.empty()) return false;
    const auto end = text_.find('\n');
    torn_ = end == std::string_view::npos;
    line = text_.substr(0, end);
    text_.remove_prefix(torn_ ? text_.size() : end + 1);
  }
  ++number_;
  line = line.substr(0, most_bytes);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (number_ == 1) line = base::drop_byte_order_mark(line);
  return true;
}

void Complaints::add(const std::string& what, const std::string& place) {
  const auto found = kinds_.emplace(what, std::make_pair(place, std::size_t{0})).first;
  ++found->second.second;
}

void Complaints::report(Notes& notes) const {
  for (const auto& [what, seen] : kinds_)
    notes.push_back(seen.first + ": " + what +
                    (seen.second > 1 ? " (the first of " + std::to_string(seen.second) + ")" : ""));
}

void split_words(std::string_view line, std::vector<std::string_view>& words) {
  words.clear();
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  for (std::size_t i = 0; i < line.size();) {
    while (i < line.size() && blank(line[i])) ++i;
    const std::size_t begin = i;
    while (i < line.size() && !blank(line[i])) ++i;
    if (i > begin) words.push_back(line.substr(begin, i - begin));
  }
}

bool split_cells(std::string_view line, std::vector<std::string>& cells) {
  cells.assign(1, {});
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      cells.back() += line[i++];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      cells.emplace_back();
    else
      cells.back() += line[i];
  }
  for (auto& cell : cells) cell = std::string(base::trim(cell));
  return !quoted;
}

std::string safe_id(std::string_view name) {
  std::string id;
  for (const char c : name.substr(0, 200)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                       c == '.' || c == '+' || c == '-';
    id += plain ? c : '_';
  }
  if (id.empty() || id.front() == '.') id.insert(0, "_");
  return id;
}

}  // namespace hwprof::record
