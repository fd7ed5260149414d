// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

#include "measure/journal.hpp"
#include "measure/journal_line.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof::measuring;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

const JournalHead head = {"net 1", 2, {{"batch", "1"}, {"threads", "1"}}};

Visit visit_of(int round) {
  Visit visit;
  visit.round = round;
  visit.stretch = 2 * round + 1;
  visit.at_s = 0.5 * (round + 1);
  const double base = 0.001 * (round + 1);
  visit.samples = {{3 * base, base, 2 * base}, {6 * base, 4 * base, 2 * base}};
  visit.disturbed = {{0.5, 0.25, 0.25}};
  visit.dropped = round + 4;
  return visit;
}

/// A journal keeps times to the nanosecond or better.
bool same(const std::vector<Sample>& a, const std::vector<Sample>& b) {
  const auto near = [](double x, double y) { return std::abs(x - y) < 1e-9; };
  const auto same_sample = [&near](const Sample& x, const Sample& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), near);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_sample);
}

bool same(const Visit& a, const Visit& b) {
  return a.round == b.round && a.stretch == b.stretch && a.at_s == b.at_s && same(a.samples, b.samples) &&
         same(a.disturbed, b.disturbed) && a.dropped == b.dropped;
}

std::string content(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string written(const std::string& file, int visits) {
  Journal journal(file, head);
  for (int i = 0; i < visits; ++i) journal.append(visit_of(i));
  journal.sync();
  return content(file);
}

/// Every visit that the journal believes must be one that was written.
void check_truthful(const JournalContent& found, int visits) {
  int before = -1;
  for (const Visit& visit : found.visits) {
    CHECK(visit.round > before);
    REQUIRE(visit.round < visits);
    CHECK(same(visit, visit_of(visit.round)));
    before = visit.round;
  }
}

}  // namespace

TEST_CASE("crc32 is that of zlib") {
  CHECK(crc32("123456789") == 0xCBF43926U);  // the check value of the CRC catalogue
  CHECK(crc32("") == 0U);
  CHECK(crc32("a") == 0xE8B7BE43U);
}

TEST_CASE("what is appended is read again") {
  const TempFolder folder;
  const std::string text = written(folder.file("raw/j.jsonl"), 3);
  const JournalContent found = load_journal(folder.file("raw/j.jsonl"));
  CHECK(found.begun);
  CHECK(found.head.subject == "net 1");
  CHECK(found.head.parts == 2);
  CHECK(found.head.settings == head.settings);
  CHECK(found.notes.empty());
  CHECK(found.good_bytes == text.size());
  REQUIRE(found.visits.size() == 3);
  for (int i = 0; i < 3; ++i) CHECK(same(found.visits[static_cast<std::size_t>(i)], visit_of(i)));
}

TEST_CASE("a file that is not there is an empty journal") {
  const TempFolder folder;
  const JournalContent found = load_journal(folder.file("none"));
  CHECK_FALSE(found.begun);
  CHECK(found.visits.empty());
}

TEST_CASE("a journal cut at any byte goes on, and nothing is lost or believed that should not be") {
  const TempFolder folder;
  const std::string whole = written(folder.file("whole"), 3);
  std::vector<std::size_t> ends;  // of the lines
  for (std::size_t i = 0; i < whole.size(); ++i)
    if (whole[i] == '\n') ends.push_back(i + 1);
  REQUIRE(ends.size() == 4);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    const std::string file = folder.write("cut", whole.substr(0, cut));
    std::size_t intact = 0;
    while (intact < ends.size() && ends[intact] <= cut) ++intact;
    const std::size_t visits = intact == 0 ? 0 : intact - 1;
    {
      Journal journal(file, head);
      REQUIRE(journal.content().visits.size() == visits);
      const bool torn = cut != (intact == 0 ? 0 : ends[intact - 1]);
      CHECK(journal.content().notes.size() == (torn ? 1U : 0U));
      for (auto i = static_cast<int>(visits); i < 3; ++i) journal.append(visit_of(i));
    }
    const JournalContent found = load_journal(file);
    CHECK(found.begun);
    CHECK(found.visits.size() == 3);
    CHECK(found.good_bytes == content(file).size());
    check_truthful(found, 3);
  }
}

TEST_CASE("that a tail was cut is still known in the next call") {
  const TempFolder folder;
  const std::string whole = written(folder.file("j"), 2);
  folder.write("j", whole.substr(0, whole.size() - 10));
  { Journal journal(folder.file("j"), head); }
  const JournalContent found = load_journal(folder.file("j"));
  REQUIRE(found.notes.size() == 1);
  CHECK(has(found.notes[0], "line 3"));
  CHECK(has(found.notes[0], "torn"));
  CHECK(found.visits.size() == 1);
}

TEST_CASE("no changed byte is believed") {
  const TempFolder folder;
  const std::string whole = written(folder.file("j"), 3);
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const char change : {'\x01', '\x20', '\x80'}) {
      std::string text = whole;
      text[at] = static_cast<char>(text[at] ^ change);
      const JournalContent found = read_journal(text, "j");
      CAPTURE(at);
      check_truthful(found, 3);
      CHECK(found.visits.size() < 3);
      CHECK_FALSE(found.notes.empty());
    }
}

TEST_CASE("random damage neither crashes nor deceives the reader") {
  const TempFolder folder;
  const std::string whole = written(folder.file("j"), 5);
  std::mt19937 rng(11);
  const auto pick = [&rng](std::size_t below) { return static_cast<std::size_t>(rng()) % below; };
  for (int turn = 0; turn < 3000; ++turn) {
    std::string text = whole;
    for (std::size_t edits = 1 + pick(4); edits > 0; --edits) {
      const std::size_t at = pick(text.size());
      switch (pick(4)) {
        case 0:
          text[at] = static_cast<char>(rng());
          break;
        case 1:
          text.erase(at, 1 + pick(40));
          break;
        case 2:
          text.insert(at, text.substr(pick(text.size()), pick(60)));
          break;
        default:
          std::swap(text[at], text[pick(text.size())]);
      }
      if (text.empty()) text = "x";
    }
    check_truthful(read_journal(text, "j"), 5);
  }
}

TEST_CASE("an intact line in the wrong place is not believed twice") {
  const TempFolder folder;
  const std::string whole = written(folder.file("j"), 2);
  const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  const JournalContent found = read_journal(whole + whole.substr(last), "j");
  CHECK(found.visits.size() == 2);
  REQUIRE(found.notes.size() == 1);
  CHECK(has(found.notes[0], "round 1 after round 1"));
  CHECK(found.good_bytes == whole.size());
}

TEST_CASE("lines with a valid checksum but absurd values are not believed") {
  const auto visits_of = [](const std::string& body) {
    const std::string text = with_checksum(to_body(head)) + with_checksum(body);
    const JournalContent found = read_journal(text, "j");
    CHECK(found.notes.size() == 1);
    return found.visits.size();
  };
  const auto visit = [](const std::string& round, const std::string& at, const std::string& samples) {
    return R"({"round":)" + round + R"(,"stretch":1,"at_s":)" + at + R"(,"samples_s":)" + samples +
           R"(,"disturbed_s":[],"dropped":0})";
  };
  CHECK(read_journal(with_checksum(to_body(head)) + with_checksum(visit("1", "1", "[[3,1,2]]")), "j").visits.size() ==
        1);
  for (const std::string& body :
       {visit("-1", "1", "[]"), visit("1e300", "1", "[]"), visit("1", "-1", "[]"), visit("1", "1", "[[1,1]]"),
        visit("1", "1", "[[0,0,0]]"), visit("1", "1", "[[1,-1,2]]"), visit("1", "1", "[[1e30,1,2]]"),
        visit("1", "1", "7"), std::string(R"({"round":1,"at_s":1,"samples_s":[]})"), std::string(R"({"later":1})"),
        std::string("[]"), std::string("7"), std::string("null")}) {
    CAPTURE(body);
    CHECK(visits_of(body) == 0);
  }
}

TEST_CASE("samples of other settings do not belong to a journal") {
  const TempFolder folder;
  written(folder.file("j"), 1);
  JournalHead other = head;
  other.settings["batch"] = "8";
  std::string message = error_of(hwprof::Fault::usage, [&] { Journal journal(folder.file("j"), other); });
  CHECK(has(message, "batch '1', now it is '8'"));
  other = head;
  other.subject = "net 2";
  message = error_of(hwprof::Fault::usage, [&] { Journal journal(folder.file("j"), other); });
  CHECK(has(message, "net 1"));
  other = head;
  other.parts = 5;
  message = error_of(hwprof::Fault::usage, [&] { Journal journal(folder.file("j"), other); });
  CHECK(has(message, "layers"));
  CHECK(load_journal(folder.file("j")).visits.size() == 1);
}

TEST_CASE("two may not write at the same time") {
  const TempFolder folder;
  const Journal first(folder.file("j"), head);
  const std::string message = error_of(hwprof::Fault::usage, [&] { Journal second(folder.file("j"), head); });
  CHECK(has(message, "another process"));
}

TEST_CASE("a failure is kept with its kind") {
  const TempFolder folder;
  {
    Journal journal(folder.file("j"), head);
    journal.append(Failure{"out_of_memory", "no \"room\"\nat all"});
  }
  const JournalContent found = load_journal(folder.file("j"));
  REQUIRE(found.failures.size() == 1);
  CHECK(found.failures[0].kind == "out_of_memory");
  CHECK(found.failures[0].reason == "no \"room\"\nat all");
}

TEST_CASE("readings are kept beside the visits") {
  const TempFolder folder;
  const std::string file = folder.file("j.jsonl");
  {
    Journal journal(file, head);
    journal.append(Readings{{{"memory_bytes", 4096}, {"energy_j", 0.125}}, {{"process_memory_bytes", "refused"}}});
    journal.append(visit_of(0));
  }
  const JournalContent back = load_journal(file);
  REQUIRE(back.readings.size() == 1);
  CHECK(back.readings[0].values == std::map<std::string, double>{{"memory_bytes", 4096}, {"energy_j", 0.125}});
  CHECK(back.readings[0].absent == std::map<std::string, std::string>{{"process_memory_bytes", "refused"}});
  CHECK(back.visits.size() == 1);
  CHECK(back.notes.empty());
  for (const char* bad : {R"({"readings":{"memory_bytes":-1},"absent":{}})",
                          R"({"readings":{"memory_bytes":"x"},"absent":{}})", R"({"readings":{}})"}) {
    std::ofstream(file, std::ios::app) << with_checksum(bad);
    const JournalContent content = load_journal(file);
    CHECK(content.readings.size() == 1);
    CHECK_FALSE(content.notes.empty());
  }
}
