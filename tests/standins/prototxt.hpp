// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hwprof_test {

/// A message in protobuf's text format, read without protobuf and without hwprof: fields in order, a text or a message.
struct Message {
  struct Field {
    std::string name, text;
    std::vector<Message> message;  ///< one, where the field is a message
  };
  std::vector<Field> fields;

  [[nodiscard]] std::vector<std::string> texts(const std::string& name) const {
    std::vector<std::string> out;
    for (const auto& field : fields)
      if (field.name == name && field.message.empty()) out.push_back(field.text);
    return out;
  }
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise = {}) const {
    const auto all = texts(name);
    return all.empty() ? otherwise : all.back();
  }
  [[nodiscard]] long number(const std::string& name, long otherwise) const {
    const auto all = texts(name);
    return all.empty() ? otherwise : std::stol(all.back());
  }
  [[nodiscard]] const Message* find(const std::string& name) const {
    for (const auto& field : fields)
      if (field.name == name && !field.message.empty()) return &field.message.front();
    return nullptr;
  }
  [[nodiscard]] std::vector<const Message*> all(const std::string& name) const {
    std::vector<const Message*> out;
    for (const auto& field : fields)
      if (field.name == name && !field.message.empty()) out.push_back(&field.message.front());
    return out;
  }
};

class MessageReader {
 public:
  explicit MessageReader(const std::string& text) : text_(text) {}
  Message read() { return message(false); }

 private:
  void skip() {
    while (at_ < text_.size() && (std::isspace(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '#' ||
                                  text_[at_] == ',' || text_[at_] == ';')) {
      if (text_[at_] == '#') at_ = std::min(text_.find('\n', at_), text_.size() - 1);
      ++at_;
    }
  }
  std::string word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_' ||
                                  text_[at_] == '.' || text_[at_] == '-' || text_[at_] == '+'))
      ++at_;
    if (begin == at_) throw std::runtime_error("prototxt: a word is expected at " + std::to_string(at_));
    return text_.substr(begin, at_ - begin);
  }
  Message message(bool inner) {
    Message out;
    for (skip(); at_ < text_.size(); skip()) {
      if (text_[at_] == '}') {
        if (!inner) throw std::runtime_error("prototxt: a } too many");
        ++at_;
        return out;
      }
      Message::Field field{word(), {}, {}};
      skip();
      if (at_ < text_.size() && text_[at_] == ':') ++at_;
      skip();
      if (at_ >= text_.size()) throw std::runtime_error("prototxt: ends within a field");
      if (text_[at_] == '{') {
        ++at_;
        field.message.push_back(message(true));
      } else if (text_[at_] == '"') {
        const auto end = text_.find('"', at_ + 1);
        if (end == std::string::npos) throw std::runtime_error("prototxt: a quote is open");
        field.text = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
      } else {
        field.text = word();
      }
      out.fields.push_back(std::move(field));
    }
    if (inner) throw std::runtime_error("prototxt: a } is missing");
    return out;
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

/// Back to text.
inline std::string write_message(const Message& message, const std::string& indent = {}) {
  std::string out;
  for (const auto& field : message.fields) {
    out += indent + field.name;
    if (!field.message.empty()) {
      out += " {\n" + write_message(field.message.front(), indent + "  ") + indent + "}\n";
      continue;
    }
    const bool bare = field.text == "true" || field.text == "false" ||
                      field.text.find_first_not_of("+-.0123456789eE") == std::string::npos ||
                      field.text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos;
    const bool always = field.name == "name" || field.name == "type" || field.name == "bottom" || field.name == "top";
    out += bare && !always ? ": " + field.text + "\n" : ": \"" + field.text + "\"\n";
  }
  return out;
}

}  // namespace hwprof_test
