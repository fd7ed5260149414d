// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "base/files.hpp"
#include "data/read.hpp"
#include "hwprof/error.hpp"

#ifdef HWPROF_HAVE_ZLIB
#include <zlib.h>
#endif

namespace hwprof::data {
namespace {

#ifdef HWPROF_HAVE_ZLIB
/// Closes at the end of the scope.
class GzFile {
 public:
  explicit GzFile(const std::string& file) : file_(gzopen(file.c_str(), "rb")) {
    if (file_ == nullptr) throw Error(Fault::input, file + ": cannot be opened");
  }
  ~GzFile() { gzclose(file_); }
  GzFile(const GzFile&) = delete;
  GzFile& operator=(const GzFile&) = delete;
  [[nodiscard]] int read(char* to, unsigned n) const { return gzread(file_, to, n); }

 private:
  gzFile file_;
};

std::string read_gz(const std::string& file, std::uint64_t most) {
  const GzFile in(file);
  std::string bytes;
  std::string block(std::size_t{1} << 16, '\0');
  for (;;) {
    const int got = in.read(block.data(), static_cast<unsigned>(block.size()));
    if (got < 0) throw Error(Fault::input, file + ": is damaged: its compressed content cannot be read");
    if (got == 0) return bytes;
    bytes.append(block, 0, static_cast<std::size_t>(got));
    if (bytes.size() > most)
      throw Error(Fault::input, file + ": holds more than the " + std::to_string(most) + " bytes expected");
  }
}
#else
std::string read_gz(const std::string& file, std::uint64_t) {
  throw Error(Fault::unsupported, file +
                                      ": is compressed, and this build of hwprof is without zlib; unpack it (gunzip) "
                                      "or build with zlib (Debian: zlib1g-dev)");
}
#endif

}  // namespace

std::string read_bytes(const std::string& file, std::uint64_t most) {
  if (!base::exists(file) && base::exists(file + ".gz")) return read_gz(file + ".gz", most);
  return base::read_file(file, most);
}

}  // namespace hwprof::data
