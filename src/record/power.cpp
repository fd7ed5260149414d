// SPDX-License-Identifier: Apache-2.0
#include "record/power.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"
#include "record/tally.hpp"

namespace hwprof {
namespace record {
namespace {

constexpr std::size_t most_windows = 1000000;
constexpr double hour_s = 3600;

std::optional<int> digits(std::string_view text, int least, int most) {
  const auto value = base::to_int(text);
  if (!value || *value < least || *value > most) return {};
  return static_cast<int>(*value);
}

/// Days from 1970 to a day of the proleptic Gregorian calendar, by counting from 1 March.
std::int64_t days_of(int year, int month, int day) {
  const std::int64_t y = year - (month <= 2 ? 1 : 0);
  const std::int64_t era = y / 400;
  const std::int64_t of_era = y - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

std::optional<double> clock_of(std::string_view text) {
  const auto parts = base::split(text, ':');
  if (parts.size() != 3) return {};
  const auto hours = digits(parts[0], 0, 23);
  const auto minutes = digits(parts[1], 0, 59);
  const auto seconds = base::to_double(parts[2]);
  if (!hours || !minutes || !seconds || !(*seconds >= 0 && *seconds < 61)) return {};
  return *hours * hour_s + *minutes * 60 + *seconds;
}

std::optional<double> date_and_clock(std::string_view date, std::string_view clock) {
  const auto parts = base::split(date, '-');
  if (parts.size() != 3) return {};
  const auto year = digits(parts[0], 1970, 9999);
  const auto month = digits(parts[1], 1, 12);
  const auto day = digits(parts[2], 1, 31);
  const auto time = clock_of(clock);
  if (!year || !month || !day || !time) return {};
  return static_cast<double>(days_of(*year, *month, *day)) * 86400 + *time;
}

struct Window {
  std::string name;
  double begin = 0, end = 0;
  Tally watts;
};

/// "name start end", where each time is two words; the name may have blanks.
std::vector<Window> read_stamps(Lines& lines, Complaints& complaints) {
  std::vector<Window> windows;
  std::string_view line;
  std::vector<std::string_view> words;
  while (lines.next(line)) {
    split_words(line, words);
    if (words.empty()) continue;
    const std::size_t n = words.size();
    const auto begin = n < 5 ? std::nullopt : date_and_clock(words[n - 4], words[n - 3]);
    const auto end = n < 5 ? std::nullopt : date_and_clock(words[n - 2], words[n - 1]);
    if (!begin || !end || *end < *begin) {
      complaints.add("a line that is not 'name start end' was left out", lines.place());
      continue;
    }
    if (windows.size() >= most_windows) throw Error(Fault::input, lines.place() + ": more than a million windows");
    const auto& last = words[n - 5];
    windows.push_back(
        {std::string(words[0].data(), static_cast<std::size_t>(last.data() + last.size() - words[0].data())),
         *begin,
         *end,
         {}});
  }
  std::stable_sort(windows.begin(), windows.end(), [](const Window& a, const Window& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < windows.size(); ++i)
    if (windows[i].begin < windows[i - 1].end)
      throw Error(Fault::input, lines.source() + ": " + base::in_quotes(windows[i].name) + " begins before " +
                                    base::in_quotes(windows[i - 1].name) + " ends");
  return windows;
}

/// Which cell of a row holds the power.
std::size_t column_of(const std::string& wanted, const std::vector<std::string>& first, bool header,
                      const std::string& place) {
  if (wanted.empty()) return 1;
  if (const auto number = base::to_int(wanted); number && *number >= 2 && *number <= 1000000)
    return static_cast<std::size_t>(*number - 1);
  const auto found = std::find(first.begin(), first.end(), wanted);
  if (!header || found == first.end())
    throw Error(Fault::usage, place + ": no column " + base::in_quotes(wanted) +
                                  (header ? " in the header" : ", the log has no header; give a number from 2 on"));
  return static_cast<std::size_t>(found - first.begin());
}

void check(const PowerOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, "power: " + what); };
  if (!std::isfinite(options.log_offset_s)) refuse("the offset of the clocks must be finite");
  if (!(options.edge_s >= 0) || options.edge_s > 1e6) refuse("the edge must be a time from 0 on");
  if (!(options.runs >= 1) || options.runs > 1e15) refuse("the runs of a window must be at least 1");
  if (!(options.per_watt > 0) || options.per_watt > 1e15) refuse("the unit must be above 0");
}

}  // namespace

std::optional<double> parse_time(std::string_view text) {
  text = base::trim(text);
  std::vector<std::string_view> words;
  split_words(text, words);
  if (words.size() == 1) {
    const auto t = text.find('T');
    if (t == std::string_view::npos) return {};
    return date_and_clock(text.substr(0, t), text.substr(t + 1));
  }
  if (words.size() == 2) return date_and_clock(words[0], words[1]);
  if (words.size() != 5) return {};
  constexpr std::array months{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto month = std::find(months.begin(), months.end(), base::lower_case(words[1]));
  const auto day = digits(words[2], 1, 31);
  const auto year = digits(words[4], 1970, 9999);
  const auto time = clock_of(words[3]);
  if (month == months.end() || !day || !year || !time) return {};
  return static_cast<double>(days_of(*year, static_cast<int>(month - months.begin()) + 1, *day)) * 86400 + *time;
}

std::vector<PowerWindow> cut_power(Lines& log, Lines& stamps, const PowerOptions& options, Notes& notes) {
  check(options);
  Complaints complaints;
  auto windows = read_stamps(stamps, complaints);
  if (windows.empty()) throw Error(Fault::input, stamps.source() + ": no line of name, start and end");
  Tally idle;
  std::optional<double> first;
  std::optional<std::size_t> column;
  std::string_view line;
  std::vector<std::string> cells;
  std::vector<std::string> header;
  while (log.next(line)) {
    if (base::trim(line).empty()) continue;
    split_cells(line, cells);
    const auto time = parse_time(cells[0]);
    if (!time) {
      if (!column && header.empty() && cells.size() > 1)
        header = cells;
      else
        complaints.add("a line that is no sample was left out", log.place());
      continue;
    }
    if (!column) column = column_of(options.column, header, !header.empty(), log.source());
    const auto value = *column < cells.size() ? base::to_double(cells[*column]) : std::nullopt;
    if (!value || !is_cost(*value)) {
      complaints.add("a line that is no sample was left out", log.place());
      continue;
    }
    const double at = *time + options.log_offset_s;
    if (!first) first = at;
    const auto after = std::upper_bound(windows.begin(), windows.end(), at,
                                        [](double t, const Window& window) { return t < window.begin; });
    const double watts = *value / options.per_watt;
    if (after == windows.begin() || at > (after - 1)->end)
      idle.add(watts);
    else if (Window& window = *(after - 1); at >= window.begin + options.edge_s && at <= window.end - options.edge_s)
      window.watts.add(watts);
  }
  complaints.report(notes);
  if (!first) throw Error(Fault::input, log.source() + ": no samples of a time and numbers");
  std::vector<PowerWindow> out;
  std::size_t missed = 0;
  for (const auto& window : windows) {
    if (window.watts.count() == 0) {
      ++missed;
      continue;
    }
    out.push_back({window.name, window.end - window.begin, window.watts.count(), window.watts.mean(), 0, {}});
  }
  if (out.empty()) {
    const double hours = std::round((windows.front().begin - *first) / hour_s);
    throw Error(Fault::input, log.source() + ": no sample lies within a window of " + stamps.source() +
                                  "; the clocks would meet with an offset of about " + base::format_number(hours) +
                                  " hours");
  }
  if (idle.count() == 0)
    throw Error(Fault::input, log.source() + ": no sample lies outside of the windows, so the idle power is unknown");
  if (missed > 0)
    notes.push_back(log.source() + ": " + std::to_string(missed) + " of " + std::to_string(windows.size()) +
                    " windows hold no sample and were left out");
  std::size_t below = 0;
  for (auto& window : out) {
    window.idle_w = idle.median().value;
    const double watts = window.mean_w - window.idle_w;
    if (watts < 0)
      ++below;
    else
      window.energy_j = watts * window.duration_s / options.runs;
  }
  if (below > 0)
    notes.push_back(log.source() + ": " + std::to_string(below) + " of " + std::to_string(out.size()) +
                    " windows draw less than idle; their energy is not known");
  return out;
}

}  // namespace record

std::vector<PowerWindow> cut_power(const std::string& log, const std::string& stamps, const PowerOptions& options,
                                   Notes* notes) {
  record::Lines log_lines(log);
  record::Lines stamp_lines(stamps);
  Notes ignored;
  return record::cut_power(log_lines, stamp_lines, options, notes != nullptr ? *notes : ignored);
}

}  // namespace hwprof
