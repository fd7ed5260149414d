// SPDX-License-Identifier: Apache-2.0
#include "space/fingerprint.hpp"

#include <array>
#include <cstdint>
#include <cstdio>

namespace hwprof::space {

std::string fingerprint(const MixinProfilingSearchSpace& space) {
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  const auto add = [&hash](const std::string& text) {
    for (const char c : text + '\n') hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  };
  for (const auto& decision : space.decisions()) {
    add(decision.name);
    for (const auto& option : decision.options) add(option);
  }
  if (dynamic_cast<const OptionSpace*>(&space) == nullptr)
    for (const auto& prim : space.generate_profiling_primitives()) add(to_string(prim));
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

std::vector<NetRecord> stamped(std::vector<NetRecord> records, const MixinProfilingSearchSpace& space) {
  const std::string text = fingerprint(space);
  for (auto& record : records) record.from.environment["space"] = text;
  return records;
}

}  // namespace hwprof::space
