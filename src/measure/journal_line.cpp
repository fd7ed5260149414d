// SPDX-License-Identifier: Apache-2.0
#include "measure/journal_line.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::measuring {
namespace {

constexpr const char* schema_name = "hwprof-samples";
constexpr int schema_version = 1;
constexpr std::string_view opening = R"({"crc":")";
constexpr std::string_view middle = R"(","line":)";
constexpr std::size_t digits = 8;
constexpr std::int64_t most_rounds = 100'000'000;

std::string hex(std::uint32_t value) {
  std::array<char, digits + 1> text{};
  std::snprintf(text.data(), text.size(), "%08x", value);
  return text.data();
}

base::Json to_json(const std::vector<Sample>& samples) {
  base::Json list = base::Json::array();
  for (const Sample& sample : samples) {
    base::Json row = base::Json::array();
    // The clock ticks in nanoseconds; more digits would only make the file long.
    for (const double seconds : sample) row.push_back(std::round(seconds * 1e9) / 1e9);
    list.push_back(std::move(row));
  }
  return list;
}

std::vector<Sample> samples_from(const base::JsonReader& json, std::size_t parts) {
  std::vector<Sample> samples;
  for (const auto& row : json.list()) {
    Sample sample = row.numbers();
    if (sample.size() != parts + 1)
      row.fail(std::to_string(parts + 1) + " numbers are expected, found " + std::to_string(sample.size()));
    if (!(sample[0] > 0) || std::any_of(sample.begin(), sample.end(), [](double s) { return s < 0 || s > 1e9; }))
      row.fail("a time is not within 0 to 1e9 s");
    samples.push_back(std::move(sample));
  }
  return samples;
}

void read_readings(const base::JsonReader& json, JournalContent& content) {
  constexpr double largest = 1e18;
  Readings readings;
  for (const auto& [key, value] : json["readings"].items()) {
    readings.values[key] = value.number();
    if (!(readings.values[key] >= 0 && readings.values[key] <= largest))
      value.fail("a number from 0 to 1e18 is expected");
  }
  for (const auto& [key, value] : json["absent"].items()) readings.absent[key] = value.text();
  if (content.readings.empty()) content.readings.push_back(std::move(readings));
}

void read_head(const base::JsonReader& json, JournalContent& content) {
  (void)json.schema(schema_name, schema_version);
  content.head.subject = json["net"].text();
  content.head.parts = static_cast<std::size_t>(json["layers"].integer(0, 1'000'000));
  for (const auto& [key, value] : json["settings"].items()) content.head.settings[key] = value.text();
  content.begun = true;
}

void read_visit(const base::JsonReader& json, JournalContent& content) {
  Visit visit;
  visit.round = static_cast<int>(json["round"].integer(0, most_rounds));
  visit.stretch = static_cast<int>(json["stretch"].integer(0, most_rounds));
  visit.at_s = json["at_s"].number();
  if (visit.at_s < 0 || visit.at_s > 1e9) json.fail("at_s is not within 0 to 1e9");
  visit.samples = samples_from(json["samples_s"], content.head.parts);
  visit.disturbed = samples_from(json["disturbed_s"], content.head.parts);
  visit.dropped = json["dropped"].integer(0, 1'000'000'000);
  if (!content.visits.empty()) {
    const Visit& last = content.visits.back();
    if (visit.round <= last.round || visit.stretch <= last.stretch)
      json.fail("round " + std::to_string(visit.round) + " after round " + std::to_string(last.round));
  }
  content.visits.push_back(std::move(visit));
}

}  // namespace

std::string with_checksum(const std::string& body) {
  return std::string(opening) + hex(crc32(body)) + std::string(middle) + body + "}\n";
}

std::optional<std::string_view> checked_body(std::string_view line) noexcept {
  const std::size_t begin = opening.size() + digits + middle.size();
  if (line.size() <= begin || line.back() != '}' || !base::starts_with(line, opening) ||
      line.substr(opening.size() + digits, middle.size()) != middle)
    return {};
  const auto body = line.substr(begin, line.size() - begin - 1);
  if (hex(crc32(body)) != line.substr(opening.size(), digits)) return {};
  return body;
}

std::string to_body(const JournalHead& head) {
  base::Json json;
  json["schema"] = std::string(schema_name) + "/" + std::to_string(schema_version);
  json["net"] = head.subject;
  json["layers"] = head.parts;
  json["settings"] = base::Json(head.settings);
  return json.dump(-1, ' ', false, base::Json::error_handler_t::replace);
}

std::string to_body(const Visit& visit) {
  base::Json json;
  json["round"] = visit.round;
  json["stretch"] = visit.stretch;
  json["at_s"] = std::round(visit.at_s * 1e6) / 1e6;
  json["samples_s"] = to_json(visit.samples);
  json["disturbed_s"] = to_json(visit.disturbed);
  json["dropped"] = visit.dropped;
  return json.dump();
}

std::string to_body(const Failure& failure) {
  base::Json json;
  json["failed"] = failure.kind;
  json["reason"] = failure.reason;
  return json.dump(-1, ' ', false, base::Json::error_handler_t::replace);
}

std::string to_body(const Readings& readings) {
  base::Json json;
  json["readings"] = base::Json(readings.values);
  json["absent"] = base::Json(readings.absent);
  return json.dump(-1, ' ', false, base::Json::error_handler_t::replace);
}

std::string to_body(const std::string& note) {
  base::Json json;
  json["note"] = note;
  return json.dump(-1, ' ', false, base::Json::error_handler_t::replace);
}

void read_body(std::string_view body, const std::string& place, JournalContent& content) {
  const auto json = base::JsonReader::parse(body, place);
  if (!content.begun) return read_head(json, content);
  if (json.has("round")) return read_visit(json, content);
  if (json.has("note")) return content.notes.push_back(json["note"].text());
  if (json.has("readings")) return read_readings(json, content);
  if (!json.has("failed")) json.fail("neither a visit nor a failure nor a note");
  if (content.failures.empty()) content.failures.push_back({json["failed"].text(), json["reason"].text()});
}

JournalContent read_journal(std::string_view text, const std::string& source) {
  JournalContent content;
  std::size_t number = 0;
  const auto distrust = [&](const std::string& why) {
    content.notes.push_back("line " + std::to_string(number) + " is not believed: " + why);
    ++content.tail_notes;
  };
  for (std::size_t at = 0; at < text.size();) {
    ++number;
    const auto end = text.find('\n', at);
    if (end == std::string_view::npos) {
      distrust("it is torn");
      break;
    }
    const auto body = checked_body(text.substr(at, end - at));
    at = end + 1;
    const bool first = !content.begun;
    try {
      if (!body) throw Error(Fault::input, "its checksum does not match");
      read_body(*body, source + ":" + std::to_string(number), content);
      content.good_bytes = at;
      content.tail_notes = 0;
    } catch (const Error& error) {
      distrust(error.what());
    }
    if (first && !content.begun) break;
  }
  return content;
}

}  // namespace hwprof::measuring
