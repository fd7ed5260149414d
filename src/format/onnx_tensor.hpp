// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace hwprof::format {

using Dims = std::vector<std::int64_t>;
using Reals = std::shared_ptr<const std::vector<float>>;

/// A constant of the file: reals (float, float16, double) or integers (of any width, and booleans).
struct Constant {
  Dims dims;
  Reals reals;                         ///< null for integers
  std::vector<std::int64_t> integers;  ///< empty for reals

  [[nodiscard]] bool is_real() const noexcept { return reals != nullptr; }
  [[nodiscard]] std::size_t count() const noexcept { return reals ? reals->size() : integers.size(); }
};

/// What constants may take in memory, so that a small file cannot ask for much.
class Budget {
 public:
  explicit Budget(std::size_t file_bytes) : left_(4 * static_cast<double>(file_bytes) + (1 << 24)) {}
  /// @throws Error(Fault::input) beginning with place when there is no room for so many values.
  void take(double values, const std::string& place);
  /// Another file that values are read from; counts once.
  void add_file(const std::string& file, std::uint64_t bytes) {
    if (files_.insert(file).second) left_ += 4 * static_cast<double>(bytes);
  }

 private:
  double left_;  // bytes
  std::set<std::string> files_;
};

/// Whether the values of a tensor lie in another file.
[[nodiscard]] bool is_elsewhere(const onnx::TensorProto& tensor);

/// Takes the values of a tensor that lie in another file, below folder, into it. Does nothing for others.
/// @throws Error(Fault::input) for a file outside the folder (by "..", as an absolute path or through a link), one that
/// is no ordinary file, and an offset or length that does not fit it or the dimensions.
void fetch_values(onnx::TensorProto& tensor, const std::string& folder, const std::string& place, Budget& budget);

/// place begins messages: "net.onnx: tensor 'L0.conv.weight'". converted is set when the values were no 4-byte floats.
/// @throws Error(Fault::input) for values that are elsewhere, or not as many as the dimensions say;
/// Error(Fault::unsupported) for other types, by name.
[[nodiscard]] Constant read_tensor(const onnx::TensorProto& tensor, const std::string& place, Budget& budget,
                                   bool& converted);

/// "2x3x4", "scalar".
[[nodiscard]] std::string to_text(const Dims& dims);

/// Product of dims; -1 when one is negative or the product of those that are not 0 beyond 2^62: so strides fit, too.
[[nodiscard]] std::int64_t count_of(const Dims& dims) noexcept;

}  // namespace hwprof::format
