# SPDX-License-Identifier: Apache-2.0
# Turns the Markdown pages of PAGES_DIR into OUTPUT, a C++ source that holds them as text:
#   cmake -DPAGES_DIR=docs/cli -DOUTPUT=pages.cpp -P embed_pages.cmake
cmake_minimum_required(VERSION 3.24)

file(GLOB pages ${PAGES_DIR}/*.md)
list(SORT pages)
set(table "")
foreach(page IN LISTS pages)
  get_filename_component(name "${page}" NAME_WLE)
  file(READ "${page}" text)
  # The licence line is for readers of the source, not of the help.
  string(REGEX REPLACE "^<!-- SPDX[^\n]*\n+" "" text "${text}")
  string(APPEND table "      {\"${name}\", R\"page(${text})page\"},\n")
endforeach()

file(WRITE "${OUTPUT}.new" "// SPDX-License-Identifier: Apache-2.0
// Generated from docs/cli by embed_pages.cmake.
#include \"pages.hpp\"

#include <map>

namespace hwprof_cli {
namespace {

const std::map<std::string, std::string>& pages() {
  static const std::map<std::string, std::string> table{
${table}  };
  return table;
}

}  // namespace

std::string page(const std::string& name) {
  const auto at = pages().find(name);
  return at == pages().end() ? std::string() : at->second;
}

std::vector<std::string> page_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : pages()) names.push_back(name);
  return names;
}

}  // namespace hwprof_cli
")
file(COPY_FILE "${OUTPUT}.new" "${OUTPUT}" ONLY_IF_DIFFERENT)
file(REMOVE "${OUTPUT}.new")
