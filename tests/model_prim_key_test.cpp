// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/prim_table.hpp"

using namespace hwprof;
using model::PrimIndex;
using model::PrimKey;

namespace {

Prim prim_of(std::map<std::string, Attr> attrs, const std::string& type = "t") {
  return {type, 7, 8, 9, 1, true, std::move(attrs)};
}

/// Primitives that differ in few places, several of them equal by value.
std::vector<Prim> near_misses() {
  constexpr std::int64_t big = (std::int64_t{1} << 53) + 1;
  const std::vector<Attr> values{false,
                                 true,
                                 std::int64_t{0},
                                 std::int64_t{1},
                                 std::int64_t{-1},
                                 0.0,
                                 -0.0,
                                 1.0,
                                 -1.0,
                                 0.5,
                                 3e-300,
                                 big,
                                 big - 1,
                                 static_cast<double>(big),
                                 9223372036854775808.0,
                                 -9223372036854775808.0,
                                 std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::max(),
                                 INFINITY,
                                 -INFINITY,
                                 std::nan(""),
                                 -std::nan("1"),
                                 std::string(),
                                 std::string("0"),
                                 std::string("1"),
                                 std::string("\0", 1),
                                 std::string("\0\0", 2),
                                 std::string("abcd"),
                                 std::string("abcdabcd"),
                                 std::string("abcdefgh"),
                                 std::string("abcdefghh"),
                                 std::string("abcdefghijklmnop"),
                                 std::string("abcdefghijklmnopq"),
                                 std::string("abcdefghijklmnopr")};
  std::vector<Prim> prims;
  for (const auto& value : values) {
    prims.push_back(prim_of({{"a", value}}));
    prims.push_back(prim_of({{"b", value}}));
    prims.push_back(prim_of({{"a", value}, {"b", value}}));
    prims.push_back(prim_of({{"a name of many letters", value}}));
  }
  for (std::size_t size = 0; size <= 40; ++size) {
    prims.push_back(prim_of({}, std::string(size, 'x')));
    for (std::size_t i = 0; i < size; ++i) {
      std::string type(size, 'x');
      type[i] = 'y';
      prims.push_back(prim_of({}, type));
      prims.push_back(prim_of({{type, true}}));
      prims.push_back(prim_of({{"a", type}}));
    }
  }
  for (int i = 0; i < 12; ++i) {
    std::map<std::string, Attr> attrs;
    for (int a = 0; a < i; ++a) attrs.emplace("name" + std::to_string(a), std::int64_t{a});
    prims.push_back(prim_of(attrs));
    if (i == 0) continue;
    std::get<std::int64_t>(attrs.begin()->second) = 5;
    prims.push_back(prim_of(attrs));
  }
  for (int field = 0; field < 10; ++field) {
    Prim prim = prim_of({{"a", true}});
    int* const fields[] = {&prim.spatial_size, &prim.C, &prim.C_out, &prim.stride};
    if (field < 8)
      *fields[field / 2] += field % 2 == 0 ? 1 : 1 << 20;
    else
      prim.affine = false;
    prims.push_back(prim);
  }
  return prims;
}

PrimKey key_of(const Prim& prim) {
  PrimKey key;
  key.set(prim);
  return key;
}

}  // namespace

TEST_CASE("keys are equal where primitives are, and only there") {
  const auto prims = near_misses();
  std::size_t equal = 0, same_digest = 0;
  for (const auto& a : prims)
    for (const auto& b : prims) {
      const PrimKey key_a = key_of(a), key_b = key_of(b);
      equal += a == b;
      const bool same_names = std::equal(a.attrs.begin(), a.attrs.end(), b.attrs.begin(), b.attrs.end(),
                                         [](const auto& x, const auto& y) { return x.first == y.first; });
      same_digest += a != b && same_names && key_a.size() > 0 && key_a.digest() == key_b.digest();
      if (a == b) REQUIRE(key_a.digest() == key_b.digest());
      REQUIRE((key_a.size() == 0) == (key_of(a).size() == 0));
      if (key_a.size() == 0 && key_b.size() == 0) continue;
      const bool same = std::equal(key_a.begin(), key_a.end(), key_b.begin(), key_b.end());
      if (same != (a == b)) FAIL(to_string(a) << " and " << to_string(b));
    }
  CHECK(equal > prims.size());  // true, 1 and 1.0
  CHECK(same_digest == 0);      // names do not enter
}

TEST_CASE("the index finds what was put in, by value, and nothing else") {
  const auto prims = near_misses();
  PrimIndex index;
  std::vector<Prim> distinct;
  for (std::size_t i = 0; i < prims.size(); i += 2) {  // every other one
    const auto known = std::find(distinct.begin(), distinct.end(), prims[i]);
    CHECK(index.insert(prims[i]) == static_cast<std::size_t>(known - distinct.begin()));
    if (known == distinct.end()) distinct.push_back(prims[i]);
  }
  CHECK(index.size() == distinct.size());
  CHECK(index.prims() == distinct);
  std::vector<std::uint32_t> numbers(prims.size());
  index.find(prims.data(), prims.size(), numbers.data());
  for (std::size_t i = 0; i < prims.size(); ++i) {
    const auto known = std::find(distinct.begin(), distinct.end(), prims[i]);
    const auto expected =
        known == distinct.end() ? PrimIndex::none : static_cast<std::uint32_t>(known - distinct.begin());
    CHECK(numbers[i] == expected);
    CHECK(index.find(prims[i]) == expected);
  }
  const PrimIndex empty;
  CHECK(empty.find(prims[0]) == PrimIndex::none);
  empty.find(prims.data(), 3, numbers.data());
  CHECK(numbers[2] == PrimIndex::none);
}

TEST_CASE("digests of a large table spread") {
  std::vector<std::uint64_t> low, high;
  for (int size = 7; size < 27; ++size)
    for (int C = 8; C < 128; C += 8)
      for (int kernel = 1; kernel < 9; ++kernel)
        for (int expansion = 1; expansion < 9; ++expansion) {
          Prim prim = prim_of({{"expansion", std::int64_t{expansion}}, {"kernel_size", std::int64_t{kernel}}});
          prim.spatial_size = size;
          prim.C = C;
          const std::uint64_t digest = key_of(prim).digest();
          low.push_back(digest % 65536);
          high.push_back(digest >> 32);
        }
  for (auto* digests : {&low, &high}) std::sort(digests->begin(), digests->end());
  const auto distinct = [](std::vector<std::uint64_t>& sorted) {
    return std::unique(sorted.begin(), sorted.end()) - sorted.begin();
  };
  // 19200 at random: 16600 of 65536 low parts, and hardly two of 2^32.
  CHECK(distinct(low) > 16000);
  CHECK(distinct(high) > 19190);
}
