// SPDX-License-Identifier: Apache-2.0
#include "compiler/job_script.hpp"

#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;

std::string shell_word(const std::string& word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string script_line(const Tools& tools, const std::string& tool, const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (const auto& word : tools.argv(tool, arguments, ".", "hwprof-script")) words.push_back(shell_word(word));
  return base::join(words, " ");
}

void write_job_script(const std::string& file, const std::string& about, const std::vector<ScriptJob>& jobs) {
  const fs::path script = fs::absolute(file).lexically_normal();
  const fs::path root = script.parent_path();
  std::string text = "#!/bin/sh\n" + about +
                     "# It may be stopped and started again; a network that fails is reported and left out.\n"
                     "cd \"$(dirname \"$0\")\" || exit 1\n"
                     "failed=0\n"
                     "step() {\n"
                     "  if ! (cd \"$1\" && sh raw/steps.sh >raw/script.log 2>&1); then\n"
                     "    echo \"failed: $1 (see $1/raw/script.log)\" >&2\n"
                     "    failed=$((failed + 1))\n"
                     "  fi\n"
                     "}\n";
  for (const auto& job : jobs) {
    const std::string relative = fs::absolute(job.dir).lexically_normal().lexically_relative(root).string();
    if (relative.empty() || base::starts_with(relative, ".."))
      throw Error(Fault::usage, file + ": put the script into a folder around " + job.dir +
                                    ", so that it can be carried with the networks");
    base::write_file((fs::path(job.dir) / "raw/steps.sh").string(), "set -e\n" + job.steps);
    text += "step " + shell_word(relative) + "\n";
  }
  text += "echo \"$failed failed\"\n[ \"$failed\" = 0 ]\n";
  base::write_file(script.string(), text);
  fs::permissions(script, fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
}

}  // namespace hwprof::compiling
