// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hwprof {

/// A named extra of a primitive: kernel_size = 3, activation = "relu", use_se = true.
using Attr = std::variant<bool, std::int64_t, double, std::string>;

/// One measurable block of a network: what a search space is made of, and what a cost table is
/// keyed by. A plain value; equality, order and hash read every field (aw_nas' `Prim`).
struct Prim {
  std::string prim_type;              ///< names a lowering, see graph.hpp
  int spatial_size = 0;               ///< height = width of the input map [px], > 0
  int C = 0;                          ///< input channels, > 0
  int C_out = 0;                      ///< output channels, > 0
  int stride = 1;                     ///< >= 1
  bool affine = true;                 ///< batch norm has scale and shift
  std::map<std::string, Attr> attrs;  ///< kernel_size, expansion, activation, use_se, ...
};

/// Attributes compare by value: true, 1 and 1.0 are the same, as in Python.
[[nodiscard]] bool operator==(const Prim& a, const Prim& b);
[[nodiscard]] bool operator!=(const Prim& a, const Prim& b);
[[nodiscard]] bool operator<(const Prim& a, const Prim& b);

/// Equal primitives hash equally. Stable over runs, machines and versions, so safe to store.
/// Allocates nothing; some 20 nanoseconds, most of it the walk through attrs.
/// How: mix(s, w) is t ^ (t >> 32) with t = (s ^ w) * 0x9e3779b97f4a7c15 modulo 2^64. A text of n bytes starts
/// as s = 0x9ddfea08eb382d69 ^ n and takes its little-endian words of 8 bytes, the last one ending where the
/// text ends; below 9 bytes its first and last 4 as one word, below 4 byte by byte. A number is b ^ (b >> 32) of
/// the bits b of the nearest double (0 for -0, 1 for NaN). The hash is mix(mix(s, 0), 0) of the sum s of: the text
/// prim_type; mix(mix(2 * attributes + affine, C << 32 | spatial_size), stride << 32 | C_out); and for every
/// attribute mix(text of the name ^ 0xc2b2ae3d27d4eb4f, number or text of the value).
[[nodiscard]] std::uint64_t hash(const Prim& prim) noexcept;

/// The canonical one-line text, free of blanks and quotes, e.g.
///   mobilenet_v3_block:112x16x24s2:activation=relu:expansion=4:kernel_size=5:use_se=0
/// (type : size x C x C_out s stride, then affine=0 if so, then the attributes by name).
/// Booleans print as 0 and 1, whole numbers without a point, so that equal primitives have equal texts.
/// In names and texts bytes outside [A-Za-z0-9_.+-] are written %XX; so is the first byte of a text that would
/// read as a number. parse_prim(to_string(p)) == p for every p with a type, positive sizes, named attributes
/// and finite numbers.
[[nodiscard]] std::string to_string(const Prim& prim);

/// The values as written, not normalised: 0 for a boolean is the number 0, which equals it.
/// @throws Error(Fault::input) naming the column of the first bad character.
[[nodiscard]] Prim parse_prim(std::string_view text);

/// The primitive as nnabla-nas names a module (its ModuleUID), Class[field=value,…][[1,C,H,W]]: conv, dw_conv,
/// batch_norm, pools, linear and activations under nnabla's class names, with every field that its tables have;
/// any other as prim_type[C_out=…,stride=…,affine=…,attributes…][[1,C,size,size]].
/// @throws Error(Fault::input) for an attribute that the text cannot hold.
[[nodiscard]] std::string to_module_uid(const Prim& prim);

/// Canonical: pad=None is [0,0], dilation=None [1,1], DwConv a Conv with as many groups as channels; fields that
/// only training reads (fix_parameters, decay_rate, eps) are ignored, so modules of one cost are one primitive.
/// A class that hwprof does not have gives a primitive of that type, with the fields as attributes: a key of
/// tables that cannot be built. parse_module_uid(to_module_uid(p)) == p but for dw_conv, conv_1x1, conv_3x3 (conv).
/// @throws Error(Fault::input) naming the column.
[[nodiscard]] Prim parse_module_uid(std::string_view text);

/// Kind of value that an attribute takes.
enum class AttrKind { boolean, integer, real, text };

/// One attribute that a primitive type takes besides the six fields of Prim.
struct AttrSpec {
  std::string name;
  AttrKind kind = AttrKind::integer;
  std::optional<Attr> fallback;      ///< value when it is not given; without one it is required
  std::vector<std::string> choices;  ///< allowed values of a text; empty: any
};

/// The name of a primitive type and its attributes. How it is built: register_prim_type in graph.hpp.
struct PrimType {
  std::string name;
  std::vector<AttrSpec> attrs;
};

/// Names of all declared types, sorted.
[[nodiscard]] std::vector<std::string> list_prim_types();

/// @throws Error(Fault::input) naming the nearest known types.
[[nodiscard]] const PrimType& find_prim_type(const std::string& name);

/// Adds or replaces a type. Not thread-safe; call it before the rest. @throws Error(Fault::usage) for an
/// empty name and for attributes that are unnamed, doubled or named like a field of Prim.
void declare_prim_type(PrimType type);

/// The primitive with defaults filled in, values in the kind that its type declares, and null-like
/// text ("None", "null") dropped. All readers return normalised primitives.
/// @throws Error(Fault::input) for an unknown type, an unknown, missing or mistyped attribute, a spatial_size
/// outside 1 to 65536, C or C_out outside 1 to 1048576, a stride outside 1 to 64.
[[nodiscard]] Prim normalized(Prim prim);

/// Reads a YAML list of primitives, in any of aw_nas' three spellings, or the same as a Python literal; the
/// result is normalised. What was measured (`performances`, a flat `latency`) is passed over; attributes that
/// are None count as not given.
/// @throws Error(Fault::input) with file:line and the offending key.
[[nodiscard]] std::vector<Prim> load_prims(const std::string& file);

/// Writes the flat maps that aw_nas writes, keys in alphabetical order; load_prims gives the same list back,
/// normalised. @throws Error(Fault::input) for a primitive that does not fit its type.
void save_prims(const std::string& file, const std::vector<Prim>& prims);

}  // namespace hwprof
