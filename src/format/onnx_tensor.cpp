// SPDX-License-Identifier: Apache-2.0
#include "format/onnx_tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

using onnx::TensorProto;

float from_half(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1F;
  const int mantissa = half & 0x3FF;
  float value = 0;
  if (exponent == 0x1F)
    value = mantissa == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  else if (exponent == 0)
    value = std::ldexp(static_cast<float>(mantissa), -24);
  else
    value = std::ldexp(static_cast<float>(mantissa + 0x400), exponent - 25);
  return (half & 0x8000) != 0 ? -value : value;
}

/// The values of raw_data, or of the typed field, each passed to put.
template <typename Raw, typename Field, typename Put>
void each_value(const TensorProto& tensor, const Field& field, std::size_t count, const std::string& place, Put put) {
  const auto check = [&](std::size_t found) {
    if (found != count)
      throw Error(Fault::input, place + ": has " + std::to_string(found) + " values where its dimensions (" +
                                    to_text({tensor.dims().begin(), tensor.dims().end()}) + ") ask for " +
                                    std::to_string(count));
  };
  if (!tensor.has_raw_data()) {
    check(static_cast<std::size_t>(field.size()));
    for (const auto& value : field) put(static_cast<Raw>(value));
    return;
  }
  const std::string& raw = tensor.raw_data();
  if (raw.size() % sizeof(Raw) != 0)
    throw Error(Fault::input, place + ": its " + std::to_string(raw.size()) + " bytes are no whole number of values");
  check(raw.size() / sizeof(Raw));
  for (std::size_t at = 0; at < raw.size(); at += sizeof(Raw)) {
    Raw value;
    std::memcpy(&value, raw.data() + at, sizeof(Raw));
    put(value);
  }
}

std::optional<std::string> entry_of(const TensorProto& tensor, const char* key) {
  for (const auto& entry : tensor.external_data())
    if (entry.key() == key) return entry.value();
  return {};
}

/// Bytes of a value; 0 for types that are not read.
std::size_t width_of(int type) {
  switch (type) {
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
      return 8;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
      return 4;
    case TensorProto::FLOAT16:
      return 2;
    case TensorProto::BOOL:
    case TensorProto::UINT8:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

bool is_elsewhere(const TensorProto& tensor) {
  return tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0;
}

void fetch_values(TensorProto& tensor, const std::string& folder, const std::string& place, Budget& budget) {
  if (!is_elsewhere(tensor)) return;
  const std::string where = entry_of(tensor, "location").value_or("");
  const auto fail = [&](const std::string& what) {
    throw Error(Fault::input, place + ": its values are in another file (" + base::in_quotes(where) + "), " + what);
  };
  if (where.find('\\') != std::string::npos) fail("whose path has a backslash");
  std::string file;
  try {
    file = base::inside(folder, where);
  } catch (const Error& error) {
    fail(std::string("which is not taken: ") + error.what());
  }
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) fail("which is not there, or no ordinary file");
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (error) fail("which cannot be read");
  constexpr std::uint64_t most = std::uint64_t{1} << 32;
  if (size > most) fail("which is larger than 4 GB");
  budget.add_file(file, size);
  const auto number = [&](const char* key, std::uint64_t fallback) {
    const auto text = entry_of(tensor, key);
    if (!text) return fallback;
    const auto value = base::to_int(*text);
    if (!value || *value < 0) fail(std::string("whose ") + key + " " + base::in_quotes(*text) + " is none");
    return static_cast<std::uint64_t>(*value);
  };
  const std::uint64_t offset = number("offset", 0);
  if (offset > size) fail("which ends before offset " + std::to_string(offset));
  const std::uint64_t length = number("length", size - offset);
  const std::int64_t count = count_of({tensor.dims().begin(), tensor.dims().end()});
  const std::size_t width = width_of(tensor.data_type());
  if (length > size - offset)
    fail("which ends " + std::to_string(length - (size - offset)) + " bytes before its values do");
  if (width > 0 && (count < 0 || length / width != static_cast<std::uint64_t>(count) || length % width != 0))
    fail("where " + std::to_string(length) + " bytes are not the values that its dimensions ask for");
  std::string bytes(width == 0 ? 0 : static_cast<std::size_t>(length), '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(offset));
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream) fail("which cannot be read");
  tensor.clear_external_data();
  tensor.clear_data_location();
  tensor.set_raw_data(std::move(bytes));
}

void Budget::take(double values, const std::string& place) {
  constexpr double bytes_per_value = 8;
  left_ -= values * bytes_per_value;
  if (left_ < 0)
    throw Error(Fault::input, place + ": the constants of the network would take much more memory than the file");
}

std::string to_text(const Dims& dims) {
  if (dims.empty()) return "scalar";
  std::string text;
  for (const auto extent : dims) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

std::int64_t count_of(const Dims& dims) noexcept {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  std::int64_t count = 1;
  bool empty = false;
  for (const auto extent : dims) {
    if (extent < 0 || (extent > 0 && count > most / extent)) return -1;
    empty = empty || extent == 0;
    count *= std::max<std::int64_t>(extent, 1);
  }
  return empty ? 0 : count;
}

Constant read_tensor(const TensorProto& tensor, const std::string& place, Budget& budget, bool& converted) {
  if (is_elsewhere(tensor))
    throw Error(Fault::input, place + ": its values are in another file (" +
                                  base::in_quotes(entry_of(tensor, "location").value_or("")) +
                                  "), which is found for networks that are read from a file");
  if (tensor.has_segment()) throw Error(Fault::unsupported, place + ": is stored in segments");
  Constant out;
  out.dims.assign(tensor.dims().begin(), tensor.dims().end());
  constexpr std::size_t most_rank = 8;
  if (out.dims.size() > most_rank)
    throw Error(Fault::unsupported, place + ": has " + std::to_string(out.dims.size()) + " dimensions");
  const std::int64_t number = count_of(out.dims);
  if (number < 0) throw Error(Fault::input, place + ": makes no sense with dimensions " + to_text(out.dims));
  const auto count = static_cast<std::size_t>(number);
  // No value takes less than a byte, so a claim beyond the data is refused before memory is asked for.
  if (count > tensor.ByteSizeLong())
    throw Error(Fault::input, place + ": claims " + std::to_string(count) + " values (" + to_text(out.dims) + ") in " +
                                  std::to_string(tensor.ByteSizeLong()) + " bytes");
  budget.take(static_cast<double>(count), place);

  std::vector<float> reals;
  const auto put_real = [&reals](auto value) { reals.push_back(static_cast<float>(value)); };
  const auto put_half = [&reals](std::uint16_t value) { reals.push_back(from_half(value)); };
  const auto put_integer = [&out](auto value) { out.integers.push_back(static_cast<std::int64_t>(value)); };
  bool is_real = true;
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
      reals.reserve(count);
      each_value<float>(tensor, tensor.float_data(), count, place, put_real);
      break;
    case TensorProto::DOUBLE:
      reals.reserve(count);
      each_value<double>(tensor, tensor.double_data(), count, place, put_real);
      converted = true;
      break;
    case TensorProto::FLOAT16:
      reals.reserve(count);
      each_value<std::uint16_t>(tensor, tensor.int32_data(), count, place, put_half);
      converted = true;
      break;
    case TensorProto::INT64:
      is_real = false;
      each_value<std::int64_t>(tensor, tensor.int64_data(), count, place, put_integer);
      break;
    case TensorProto::INT32:
      is_real = false;
      each_value<std::int32_t>(tensor, tensor.int32_data(), count, place, put_integer);
      break;
    case TensorProto::BOOL:
    case TensorProto::UINT8:
      is_real = false;
      each_value<std::uint8_t>(tensor, tensor.int32_data(), count, place, put_integer);
      break;
    default: {
      const std::string name = TensorProto::DataType_IsValid(tensor.data_type())
                                   ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(tensor.data_type()))
                                   : std::to_string(tensor.data_type());
      throw Error(Fault::unsupported, place + ": values of type " + name +
                                          " are not read (FLOAT, FLOAT16, DOUBLE, INT64, INT32, UINT8 and BOOL are)");
    }
  }
  if (is_real) out.reals = std::make_shared<const std::vector<float>>(std::move(reals));
  return out;
}

}  // namespace hwprof::format
