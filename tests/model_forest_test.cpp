// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <sstream>

#include "model/forest.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;
using model::Forest;
using model::ForestOptions;

namespace {

struct Data {
  std::size_t features = 4;
  std::vector<float> rows;
  std::vector<double> targets;

  [[nodiscard]] std::size_t size() const { return targets.size(); }
  [[nodiscard]] const float* row(std::size_t i) const { return rows.data() + i * features; }
};

/// y = 3a + b² - ab; the third feature is noise, the fourth constant.
Data make(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Data data;
  for (std::size_t i = 0; i < n; ++i) {
    const float a = uniform(rng), b = uniform(rng);
    data.rows.insert(data.rows.end(), {a, b, uniform(rng), 7});
    data.targets.push_back(3.0 * static_cast<double>(a) + static_cast<double>(b * b) - static_cast<double>(a * b));
  }
  return data;
}

double mean_error(const Forest& forest, const Data& data) {
  double sum = 0;
  for (std::size_t i = 0; i < data.size(); ++i) sum += std::abs(forest.predict(data.row(i)) - data.targets[i]);
  return sum / static_cast<double>(data.size());
}

/// A tree of linked nodes, read from the file's text by the rule that the header states, and walked naively.
struct Linked {
  int feature = -1;
  double value = 0;
  std::unique_ptr<Linked> left, right;

  [[nodiscard]] double at(const float* row) const {
    if (feature < 0) return value;
    return static_cast<double>(row[feature]) > value ? right->at(row) : left->at(row);
  }
};

std::unique_ptr<Linked> link(const std::string& text) {
  std::vector<std::unique_ptr<Linked>> nodes;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    auto node = std::make_unique<Linked>();
    const auto colon = word.find(':');
    if (colon != std::string::npos) node->feature = std::stoi(word);
    node->value = static_cast<double>(std::stof(word.substr(colon == std::string::npos ? 1 : colon + 1)));
    nodes.push_back(std::move(node));
  }
  std::vector<Linked*> inner;
  for (const auto& node : nodes)
    if (node->feature >= 0) inner.push_back(node.get());
  REQUIRE(nodes.size() == 2 * inner.size() + 1);
  for (std::size_t k = 0; k < inner.size(); ++k) {
    inner[k]->left = std::move(nodes[2 * k + 1]);
    inner[k]->right = std::move(nodes[2 * k + 2]);
  }
  return std::move(nodes[0]);
}

std::vector<std::unique_ptr<Linked>> trees_of(const Forest& forest) {
  std::vector<std::unique_ptr<Linked>> trees;
  const base::Json json = forest.to_json();
  for (const auto& tree : json["trees"]) trees.push_back(link(tree.get<std::string>()));
  return trees;
}

base::JsonReader reader(const std::string& text) {
  return base::JsonReader::parse(text, "m.json");
}

std::string refusal(const std::string& text) {
  return error_of(Fault::input, [&] { (void)Forest::read(reader(text)); });
}

std::string tree_refusal(const std::string& tree) {
  return refusal(R"({"features": 2, "trees": ["=1", ")" + tree + "\"]}");
}

}  // namespace

TEST_CASE("leaves of one sample reproduce their targets") {
  const Data data = make(300, 1);
  const Forest forest = Forest::fit(data.rows, data.features, data.targets, {}, {});
  CHECK(forest.trees() == 100);
  for (std::size_t i = 0; i < data.size(); ++i)
    CHECK(forest.predict(data.row(i)) == Approx(data.targets[i]).epsilon(1e-6));
}

TEST_CASE("a forest learns what it has not seen, better than the mean does") {
  const Data train = make(500, 1), test = make(300, 2);
  ForestOptions options;
  options.min_leaf = 2;
  const Forest forest = Forest::fit(train.rows, train.features, train.targets, {}, options);
  double mean = 0, spread = 0;
  for (const double y : train.targets) mean += y / static_cast<double>(train.size());
  for (const double y : test.targets) spread += std::abs(y - mean) / static_cast<double>(test.size());
  CHECK(mean_error(forest, test) < 0.1 * spread);
}

TEST_CASE("all ways of evaluating agree with linked nodes that are walked naively") {
  const Data train = make(200, 3);
  ForestOptions options;
  options.trees = 13;
  options.min_leaf = 3;
  options.split_features = 2;
  const Forest forest = Forest::fit(train.rows, train.features, train.targets, {}, options);
  const auto trees = trees_of(forest);
  REQUIRE(trees.size() == 13);
  const Forest again = Forest::read(reader(forest.to_json().dump()));
  CHECK(again.to_json() == forest.to_json());
  for (const std::size_t n :
       std::vector<std::size_t>{0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 255, 256, 257, 300, 352, 600}) {
    const Data test = make(n, 4);
    std::vector<double> out(n + 1, -77.0);
    again.predict(test.rows.data(), n, out.data());
    CHECK(out[n] == -77.0);
    std::vector<double> walked(n + 1, -77.0);
    again.predict_walking(test.rows.data(), n, walked.data());
    CHECK(walked == out);
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (const auto& tree : trees) sum += tree->at(test.row(i));
      CHECK(out[i] == Approx(sum / 13).epsilon(1e-12));
      CHECK(forest.predict(test.row(i)) == out[i]);
    }
  }
}

TEST_CASE("trees of all sizes, few leaves to thousands, are evaluated alike") {
  for (const std::size_t n : std::vector<std::size_t>{1, 2, 3, 127, 255, 256, 257, 760, 1023, 1024, 1025, 2500}) {
    const Data train = make(n, 9), test = make(200, 10);
    ForestOptions options;
    options.trees = 3;
    const Forest forest = Forest::fit(train.rows, train.features, train.targets, {}, options);
    std::vector<double> out(200);
    forest.predict(test.rows.data(), 200, out.data());
    for (std::size_t i = 0; i < 200; ++i) CHECK(out[i] == forest.predict(test.row(i)));
  }
}

TEST_CASE("small trees and large ones of one forest are added up in their order") {
  // From 2048 nodes trees are walked, the others go by sets, four at a time.
  const auto trees = [](std::size_t n, int count) {
    const Data train = make(n, 13);
    ForestOptions options;
    options.trees = count;
    return Forest::fit(train.rows, train.features, train.targets, {}, options).to_json();
  };
  const base::Json large = trees(1500, 3);
  base::Json mixed = trees(40, 9);
  for (std::size_t t = 0; t < 3; ++t)
    mixed["trees"].insert(mixed["trees"].begin() + static_cast<std::ptrdiff_t>(1 + 3 * t), large["trees"][t]);
  const Forest forest = Forest::read(reader(mixed.dump()));
  REQUIRE(forest.trees() == 12);
  const Data test = make(1000, 14);
  std::vector<double> out(1000);
  forest.predict(test.rows.data(), 1000, out.data());
  for (std::size_t i = 0; i < 1000; ++i) CHECK(out[i] == forest.predict(test.row(i)));
}

/// A tree of a shape: which of `open` ends is split next, until there are `inner` inner nodes or no end is above the
/// deepest level. Thresholds and values of rows lie on one coarse grid, so that many are equal.
std::string shaped_tree(std::size_t inner, std::size_t features, std::mt19937_64& rng,
                        const std::function<std::size_t(std::size_t)>& pick) {
  struct Node {
    std::size_t depth = 0, left = 0;
  };
  std::vector<Node> nodes(1);
  std::vector<std::size_t> open{0};
  for (std::size_t k = 0; k < inner && !open.empty(); ++k) {
    const auto at = open.begin() + static_cast<std::ptrdiff_t>(pick(open.size()));
    const std::size_t parent = *at;
    open.erase(at);
    nodes[parent].left = nodes.size();
    for (int side = 0; side < 2; ++side) {
      if (nodes[parent].depth + 1 < static_cast<std::size_t>(Forest::most_depth)) open.push_back(nodes.size());
      nodes.push_back({nodes[parent].depth + 1, 0});
    }
  }
  // Level by level, as files have them.
  std::string text;
  std::vector<std::size_t> level{0};
  for (std::size_t k = 0; k < level.size(); ++k) {
    const std::size_t left = nodes[level[k]].left;
    text += k == 0 ? "" : " ";
    if (left == 0) {
      text += "=" + std::to_string(static_cast<int>(rng() % 2000) - 1000) + "e-3";
    } else {
      text += std::to_string(rng() % features) + ":" + std::to_string(static_cast<int>(rng() % 33) - 16);
      level.insert(level.end(), {left, left + 1});
    }
  }
  return text;
}

TEST_CASE("trees of any shape, with rows on their thresholds, agree with linked nodes to the last bit") {
  constexpr std::size_t features = 5;
  std::mt19937_64 rng(15);
  const auto first = [](std::size_t) { return std::size_t{0}; };               // level by level: full
  const auto last = [](std::size_t open) { return open - 1; };                 // a chain to the right
  const auto left = [](std::size_t open) { return open < 2 ? 0 : open - 2; };  // a chain to the left
  const auto any = [&rng](std::size_t open) { return rng() % open; };
  const auto chain = [&rng](std::size_t open) { return open - 1 - (open < 2 ? 0 : rng() % 2); };
  base::Json json = base::Json::object();
  json["features"] = features;
  auto& texts = json["trees"] = base::Json::array();
  // 2047 and 2049 nodes are the last that goes by sets and the first that is walked.
  const std::vector<std::size_t> sizes{0, 1, 2, 3, 7, 8, 9, 14, 15, 16, 17, 63, 64, 65, 127, 128, 511, 512, 1023, 1024};
  for (const std::size_t inner : sizes)
    for (const std::function<std::size_t(std::size_t)>& pick :
         std::vector<std::function<std::size_t(std::size_t)>>{first, last, left, any, chain})
      texts.push_back(shaped_tree(inner, features, rng, pick));
  const Forest forest = Forest::read(reader(json.dump()));
  const auto trees = trees_of(forest);
  REQUIRE(trees.size() == 100);
  for (const std::size_t n : std::vector<std::size_t>{63, 64, 65, 511, 512, 513, 575, 576, 577, 1024, 1100}) {
    std::vector<float> rows(n * features);
    for (float& value : rows) value = static_cast<float>(static_cast<int>(rng() % 35) - 17);
    std::vector<double> out(n + 1, -77.0);
    forest.predict(rows.data(), n, out.data());
    CHECK(out[n] == -77.0);
    std::size_t differ = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (const auto& tree : trees) sum += tree->at(rows.data() + i * features);
      differ += out[i] == sum / 100 ? 0 : 1;
    }
    CHECK(differ == 0);
  }
}

TEST_CASE("forests of one leaf, of one split and of large trees alone are evaluated in batches") {
  const auto check = [](const std::string& trees, double low, double high) {
    const Forest forest = Forest::read(reader(R"({"features": 1, "trees": [)" + trees + "]}"));
    std::vector<float> rows;
    for (int i = 0; i < 600; ++i) rows.push_back(static_cast<float>(i % 3));
    std::vector<double> out(600);
    forest.predict(rows.data(), 600, out.data());
    for (std::size_t i = 0; i < 600; ++i) CHECK(out[i] == (rows[i] > 1 ? high : low));
  };
  check(R"("=2.5")", 2.5, 2.5);
  check(R"("=2.5","=1.5")", 2, 2);
  check(R"("0:1 =2 =4")", 2, 4);
  check(R"("0:1 =2 =4","=1","0:1 =3 =5")", 2, 10.0 / 3);
  // No tree is small enough for sets.
  const Data train = make(1500, 16), test = make(600, 17);
  ForestOptions options;
  options.trees = 2;
  const Forest forest = Forest::fit(train.rows, train.features, train.targets, {}, options);
  REQUIRE(forest.nodes() > 2 * 2048);
  std::vector<double> out(600);
  forest.predict(test.rows.data(), 600, out.data());
  for (std::size_t i = 0; i < 600; ++i) CHECK(out[i] == forest.predict(test.row(i)));
}

TEST_CASE("values on and beside the thresholds, equal ones and ones that are no numbers, are evaluated alike") {
  const Data train = make(300, 11);
  ForestOptions options;
  options.trees = 7;
  const Forest forest = Forest::fit(train.rows, train.features, train.targets, {}, options);
  std::vector<float> cuts;
  const base::Json json = forest.to_json();
  for (const auto& tree : json["trees"]) {
    std::istringstream in(tree.get<std::string>());
    for (std::string word; in >> word;)
      if (const auto colon = word.find(':'); colon != std::string::npos)
        cuts.push_back(std::stof(word.substr(colon + 1)));
  }
  REQUIRE(cuts.size() > 500);
  const float infinite = std::numeric_limits<float>::infinity();
  std::mt19937_64 rng(12);
  Data test;
  for (std::size_t i = 0; i < 700; ++i) {
    for (std::size_t f = 0; f < test.features; ++f) {
      const float cut = cuts[rng() % cuts.size()];
      const float values[] = {
          cut, cut, std::nextafter(cut, infinite), std::nextafter(cut, -infinite), 0.25F, NAN, infinite, -infinite};
      test.rows.push_back(values[rng() % std::size(values)]);
    }
    test.targets.push_back(0);
  }
  std::vector<double> out(test.size());
  forest.predict(test.rows.data(), test.size(), out.data());
  const auto trees = trees_of(forest);
  for (std::size_t i = 0; i < test.size(); ++i) {
    CHECK(out[i] == forest.predict(test.row(i)));
    double sum = 0;
    for (const auto& tree : trees) sum += tree->at(test.row(i));
    CHECK(out[i] == Approx(sum / 7).epsilon(1e-12));
  }
}

TEST_CASE("options hold") {
  const Data data = make(400, 5);
  SUBCASE("leaves have at least min_leaf samples") {
    ForestOptions options;
    options.trees = 5;
    options.min_leaf = 20;
    const Forest forest = Forest::fit(data.rows, data.features, data.targets, {}, options);
    for (const auto& root : trees_of(forest)) {
      std::map<const Linked*, int> count;
      for (std::size_t i = 0; i < data.size(); ++i) {
        const Linked* at = root.get();
        while (at->feature >= 0)
          at = static_cast<double>(data.row(i)[at->feature]) > at->value ? at->right.get() : at->left.get();
        ++count[at];
      }
      CHECK(count.size() > 5);
      for (const auto& [leaf, samples] : count) CHECK(samples >= 20);
    }
  }
  SUBCASE("depth 1 is one split with the means of both sides") {
    ForestOptions options;
    options.trees = 3;
    options.max_depth = 1;
    const Forest forest = Forest::fit(data.rows, data.features, data.targets, {}, options);
    CHECK(forest.nodes() == 9);
    for (const auto& root : trees_of(forest)) {
      double sum = 0;
      int n = 0;
      for (std::size_t i = 0; i < data.size(); ++i)
        if (static_cast<double>(data.row(i)[root->feature]) > root->value) sum += data.targets[i], ++n;
      CHECK(root->right->value == Approx(sum / n).epsilon(1e-6));
    }
  }
  SUBCASE("a seed gives one forest, another seed another") {
    ForestOptions options;
    options.trees = 4;
    const auto a = Forest::fit(data.rows, data.features, data.targets, {}, options).to_json();
    CHECK(Forest::fit(data.rows, data.features, data.targets, {}, options).to_json() == a);
    options.seed = 1;
    CHECK(Forest::fit(data.rows, data.features, data.targets, {}, options).to_json() != a);
  }
}

TEST_CASE("a weight counts as so many equal samples") {
  // No split: depth 0 leaves the weighted mean.
  ForestOptions options;
  options.max_depth = 0;
  options.trees = 2;
  const Forest forest = Forest::fit({0, 1, 2}, 1, {1, 2, 10}, {1, 1, 6}, options);
  const float any = 0;
  CHECK(forest.predict(&any) == Approx((1 + 2 + 60) / 8.0));
  // Doubling samples and doubling weights give the same trees, as gain and draws are the same.
  const Data data = make(50, 6);
  Data twice = data;
  twice.rows.insert(twice.rows.end(), data.rows.begin(), data.rows.end());
  twice.targets.insert(twice.targets.end(), data.targets.begin(), data.targets.end());
  const auto doubled = Forest::fit(twice.rows, 4, twice.targets, {}, {});
  const auto weighted = Forest::fit(data.rows, 4, data.targets, std::vector<double>(50, 2.0), {});
  const Data test = make(50, 7);
  for (std::size_t i = 0; i < test.size(); ++i)
    CHECK(doubled.predict(test.row(i)) == Approx(weighted.predict(test.row(i))).epsilon(1e-6));
}

TEST_CASE("degenerate data end in leaves") {
  const float row[2] = {5, 5};
  CHECK(Forest::fit({1, 1}, 2, {3}, {}, {}).predict(row) == 3);
  CHECK(Forest::fit({1, 1, 1, 1}, 2, {2, 4}, {}, {}).predict(row) == 3);  // nothing to split by
  CHECK(Forest::fit({1, 2, 3, 4}, 2, {4, 4}, {}, {}).nodes() == 100);     // nothing to gain
  // Neighbouring floats can still be told apart.
  const float next = std::nextafter(1.0F, 2.0F);
  const Forest close = Forest::fit({1.0F, next}, 1, {0, 1}, {}, {});
  CHECK(close.predict(&next) == 1);
  // The widest range that floats have.
  const float most = std::numeric_limits<float>::max(), least = -most;
  const Forest wide = Forest::fit({least, most}, 1, {0, 1}, {}, {});
  CHECK(wide.predict(&least) == 0);
  CHECK(wide.predict(&most) == 1);
}

TEST_CASE("numbers that are not finite lead to some leaf, not out of the tree") {
  const Data data = make(100, 8);
  const Forest forest = Forest::fit(data.rows, data.features, data.targets, {}, {});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    const std::vector<float> rows(4 * 190, bad);
    std::vector<double> out(190);
    forest.predict(rows.data(), 190, out.data());
    for (const double value : out) CHECK(std::abs(value) < 6);
    CHECK(forest.predict(rows.data()) == out[0]);
  }
}

TEST_CASE("calls that make no sense are refused") {
  const auto fails = [](std::vector<float> rows, std::size_t features, std::vector<double> targets,
                        std::vector<double> weights, ForestOptions options) {
    return error_of(Fault::usage, [&] { (void)Forest::fit(rows, features, targets, weights, options); });
  };
  ForestOptions options;
  CHECK(has(fails({}, 1, {}, {}, options), "are not 0 rows"));
  CHECK(has(fails({1, 2, 3}, 2, {1}, {}, options), "3 values are not 1 rows of 2"));
  CHECK(has(fails({1}, 0, {1}, {}, options), "features are expected"));
  CHECK(has(fails({1, 2}, 1, {1, 2}, {1}, options), "1 weights for 2 rows"));
  CHECK(has(fails({1, 2}, 1, {1, 2}, {1, 0}, options), "a weight is not"));
  CHECK(has(fails({1, NAN}, 1, {1, 2}, {}, options), "a feature is not finite"));
  CHECK(has(fails({1, 2}, 1, {1, NAN}, {}, options), "a target is not"));
  options.trees = 0;
  CHECK(has(fails({1}, 1, {1}, {}, options), "trees are expected, found 0"));
  options.trees = 1;
  options.max_depth = 65;
  CHECK(has(fails({1}, 1, {1}, {}, options), "max_depth"));
  options.max_depth = 1;
  options.min_leaf = 0;
  CHECK(has(fails({1}, 1, {1}, {}, options), "min_leaf"));
}

TEST_CASE("damaged and hostile files are refused by name and place") {
  CHECK(Forest::read(reader(R"({"features": 2, "trees": ["1:0.5 =1.25 0:3 =2 =4"]})")).nodes() == 5);
  CHECK(has(tree_refusal(""), "trees[1]: node 0: feature:threshold or =value is expected"));
  CHECK(has(tree_refusal("2:0.5 =1 =2"), "a feature from 0 to 1 is expected, found '2'"));
  CHECK(has(tree_refusal("-1:0.5 =1 =2"), "a feature from 0 to 1"));
  CHECK(has(tree_refusal("99999999999999999999:0.5 =1 =2"), "a feature from 0 to 1"));
  CHECK(has(tree_refusal("1:inf =1 =2"), "a finite number is expected, found 'inf'"));
  CHECK(has(tree_refusal("1:1e39 =1 =2"), "a finite number"));
  CHECK(has(tree_refusal("1:0.5 =nan =2"), "node 1: a finite number"));
  CHECK(has(tree_refusal("1:0.5 =1"), "the tree ends after 2 nodes of 3"));
  CHECK(has(tree_refusal("1:0.5 =1 =2 =3"), "node 3 has no parent"));
  CHECK(has(tree_refusal("1:0.5  =1 =2"), "node 1: feature:threshold"));
  CHECK(has(refusal(R"({"features": 0, "trees": ["=1"]})"), "features"));
  CHECK(has(refusal(R"({"features": 257, "trees": ["=1"]})"), "features"));
  CHECK(has(refusal(R"({"features": 1, "trees": []})"), "1 to 4096 trees"));
  CHECK(has(refusal(R"({"features": 1, "trees": [3]})"), "a text is expected"));
  CHECK(has(refusal(R"({"features": 1, "trees": ["=1"], "tree": 1})"), "unknown key 'tree'"));
  std::string many = "\"=1\"";
  for (int i = 0; i < 4096; ++i) many += ",\"=1\"";
  CHECK(has(refusal("{\"features\": 1, \"trees\": [" + many + "]}"), "found 4097"));
  // One long chain: each level an inner node and a leaf.
  std::string chain;
  for (int level = 0; level < 65; ++level) chain += "0:0.5 =1 ";
  CHECK(has(tree_refusal(chain.substr(0, chain.size() - 4) + " =1 =2"), "64 levels deep"));
  // Any prefix of a tree, and any one character changed, is read or refused, but never more.
  const std::string tree = "1:0.5 =1.25 0:3 =2 =4";
  for (std::size_t i = 0; i < tree.size(); ++i) {
    CHECK_THROWS_AS((void)Forest::read(reader(R"({"features": 2, "trees": [")" + tree.substr(0, i) + "\"]}")), Error);
    for (const char c : {' ', ':', '=', '-', '9', 'e', 'n'}) {
      std::string changed = tree;
      changed[i] = c;
      try {
        const Forest forest = Forest::read(reader(R"({"features": 2, "trees": [")" + changed + "\"]}"));
        const float row[2] = {1, 1};
        CHECK(std::isfinite(forest.predict(row)));
      } catch (const Error& error) {
        CHECK(error.fault() == Fault::input);
      }
    }
  }
}
