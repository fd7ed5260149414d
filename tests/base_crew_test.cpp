// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/crew.hpp"
#include "hwprof/error.hpp"

using hwprof::Error;
using hwprof::Fault;
using hwprof::base::Crew;

namespace {

void wait_for_stop(const Crew& crew) {
  while (!crew.stops()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

TEST_CASE("every worker has its number, and the caller watches until all have ended") {
  Crew crew;
  std::mutex mutex;
  std::multiset<std::size_t> numbers;
  std::atomic<int> watched{0};
  crew.run(
      3,
      [&](std::size_t number) {
        while (watched == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const std::lock_guard lock(mutex);
        numbers.insert(number);
      },
      [&] { ++watched; });
  CHECK(numbers == std::multiset<std::size_t>{0, 1, 2});
  CHECK_FALSE(crew.stops());
}

TEST_CASE("what a worker throws stops the others and comes out") {
  Crew crew;
  const auto work = [&](std::size_t number) {
    if (number == 1) throw std::runtime_error("broken");
    wait_for_stop(crew);
  };
  CHECK_THROWS_WITH_AS(crew.run(3, work, [] {}), "broken", std::runtime_error);
}

TEST_CASE("a worker that was interrupted stops the others, and that is all") {
  Crew crew;
  crew.run(
      2,
      [&](std::size_t number) {
        if (number == 0) throw Error(Fault::interrupted, "stopped");
        wait_for_stop(crew);
      },
      [] {});
  CHECK(crew.stops());
}

TEST_CASE("what the watch throws stops all and goes before what they throw then") {
  Crew crew;
  const auto work = [&](std::size_t) {
    wait_for_stop(crew);
    throw std::runtime_error("late");
  };
  CHECK_THROWS_WITH_AS(crew.run(2, work, [] { throw std::logic_error("refused"); }), "refused", std::logic_error);
}

TEST_CASE("nobody to work") {
  Crew crew;
  crew.run(
      0, [](std::size_t) { throw std::runtime_error("never"); }, [] { throw std::runtime_error("never"); });
  CHECK_FALSE(crew.stops());
}
