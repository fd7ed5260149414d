// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "base/text.hpp"
#include "format/caffe_proto.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

/// A layer of the text: "layer {" to "}".
struct Block {
  std::size_t begin = 0, body = 0, end = 0;  ///< end: behind the closing brace
  hwprof_caffe::LayerParameter layer;
  bool gone = false;

  [[nodiscard]] bool is_input() const { return layer.type() == "Input"; }
  [[nodiscard]] bool is_data() const {
    return layer.type() == "ImageData" || layer.type() == "Data" || layer.type() == "HDF5Data" ||
           layer.type() == "MemoryData";
  }
  [[nodiscard]] bool has_phase() const { return layer.include_size() > 0 || layer.exclude_size() > 0; }
  [[nodiscard]] std::string shown() const {
    return "layer " + base::in_quotes(layer.name()) + " (" + layer.type() + ")";
  }
};

/// Finds the layers of a prototxt without understanding more of it than strings, comments and braces.
class Outline {
 public:
  Outline(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  std::vector<Block> run() {
    std::vector<Block> blocks;
    std::string word;
    std::size_t word_at = 0;
    while (skip_blank(), at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '{' || c == '<') {
        const std::size_t body = at_ + 1;
        skip_group();
        if (word == "layer") {
          constexpr std::size_t most_layers = 100'000;
          if (blocks.size() == most_layers) fail("more than " + std::to_string(most_layers) + " layers");
          Block block{word_at, body, at_, {}, false};
          block.layer = format::parse_layer(text_.substr(body, at_ - 1 - body),
                                            source_ + ": layer " + std::to_string(blocks.size()));
          blocks.push_back(std::move(block));
        }
        word.clear();
      } else if (c == '"' || c == '\'') {
        if (word == "input")
          inputs.insert(string());
        else
          (void)string();
      } else if (is_word(c)) {
        word_at = at_;
        word.clear();
        while (at_ < text_.size() && is_word(text_[at_])) word += text_[at_++];
      } else if (c == '}' || c == '>') {
        fail("a brace too much");
      } else {
        ++at_;
      }
    }
    return blocks;
  }

  std::set<std::string> inputs;  ///< values that the net itself names as inputs

 private:
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  [[noreturn]] void fail(const std::string& what) const {
    const auto line = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n') + 1;
    throw Error(Fault::input, source_ + ":" + std::to_string(line) + ": " + what);
  }
  void skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        ++at_;
      else
        return;
    }
  }
  std::string string() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (at_ >= text_.size() || text_[at_] != quote) fail("a text without an end");
    ++at_;
    return out;
  }
  /// From an opening brace behind the closing one.
  void skip_group() {
    std::size_t depth = 0;
    do {
      skip_blank();
      if (at_ >= text_.size()) fail("a brace is not closed");
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        (void)string();
        continue;
      }
      if (c == '{' || c == '<') ++depth;
      if (c == '}' || c == '>') --depth;
      ++at_;
    } while (depth > 0);
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
};

/// Takes out what gives the input a second time.
void drop_redundant(std::vector<Block>& blocks, const std::set<std::string>& inputs, std::vector<std::string>& notes) {
  std::set<std::string> read;
  for (const auto& block : blocks)
    if (!block.is_input() && !block.is_data()) read.insert(block.layer.bottom().begin(), block.layer.bottom().end());
  const auto is_read = [&](const Block& block) {
    return std::any_of(block.layer.top().begin(), block.layer.top().end(),
                       [&](const std::string& top) { return read.count(top) != 0; });
  };
  const bool any_read =
      std::any_of(blocks.begin(), blocks.end(), [&](const Block& block) { return block.is_input() && is_read(block); });
  std::set<std::string> names;
  std::set<std::string> tops = inputs;
  for (auto& block : blocks) {
    if (block.is_data() && !block.has_phase()) {
      block.gone = true;
    } else if (block.is_input()) {
      const bool again = names.count(block.layer.name()) != 0 ||
                         std::any_of(block.layer.top().begin(), block.layer.top().end(),
                                     [&](const std::string& top) { return tops.count(top) != 0; });
      if (again || (any_read && !is_read(block))) {
        block.gone = true;
      } else {
        names.insert(block.layer.name());
        tops.insert(block.layer.top().begin(), block.layer.top().end());
      }
    }
    if (block.gone) notes.push_back(block.shown() + " was taken out, another layer is the input");
  }
}

void check_read(const std::vector<Block>& blocks, const std::set<std::string>& inputs, const std::string& source) {
  std::set<std::string> given = inputs;
  std::map<std::string, const Block*> owners;  // of what only layers that are gone give: the first of them
  for (const auto& block : blocks) {
    if (!block.gone) given.insert(block.layer.top().begin(), block.layer.top().end());
    if (block.gone)
      for (const auto& top : block.layer.top()) owners.emplace(top, &block);
  }
  for (const auto& block : blocks) {
    if (block.gone) continue;
    for (const auto& bottom : block.layer.bottom()) {
      if (given.count(bottom) != 0) continue;
      const auto owner = owners.find(bottom);
      if (owner != owners.end())
        throw Error(Fault::input, source + ": " + block.shown() + " reads " + base::in_quotes(bottom) +
                                      ", which only " + owner->second->shown() + ", a redundant input, gives");
    }
  }
}

}  // namespace

std::string clean_prototxt(std::string_view text, const std::string& source, std::vector<std::string>* notes) {
  constexpr std::size_t most_bytes = 16 << 20;
  if (text.size() > most_bytes) throw Error(Fault::input, source + ": is longer than a prototxt of 16 MB");
  std::vector<std::string> unread;
  std::vector<std::string>& said = notes != nullptr ? *notes : unread;
  Outline outline(text, source);
  std::vector<Block> blocks = outline.run();
  if (blocks.empty()) throw Error(Fault::input, source + ": has no layers (\"layer { … }\")");
  const bool has_input =
      !outline.inputs.empty() || std::any_of(blocks.begin(), blocks.end(), [](const Block& b) { return b.is_input(); });
  if (has_input) {
    drop_redundant(blocks, outline.inputs, said);
    check_read(blocks, outline.inputs, source);
  }
  std::string out;
  std::size_t done = 0;
  for (const auto& block : blocks) {
    if (block.gone) {
      out += text.substr(done, block.begin - done);
      done = block.end;
      while (done < text.size() && (text[done] == ' ' || text[done] == '\t' || text[done] == '\r')) ++done;
      if (done < text.size() && text[done] == '\n') ++done;
    } else if (!has_input && block.is_data() && !block.has_phase()) {
      const std::size_t brace = block.end - 1;
      out += text.substr(done, brace - done);
      out += out.empty() || out.back() == '\n' ? "" : "\n";
      out += "  include {\n    phase: TRAIN\n  }\n";
      done = brace;
      said.push_back(block.shown() + " belongs to the phase TRAIN now");
    }
  }
  out += text.substr(done);
  return out;
}

}  // namespace hwprof
