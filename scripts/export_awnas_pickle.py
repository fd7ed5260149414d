#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a model that aw_nas pickled (kind table or regression) into JSON that hwprof loads.

    python3 scripts/export_awnas_pickle.py model.pkl model.json [--perf-name latency]
    hwprof-cli predict --model model.json ...

Needs nothing but Python 3.6: neither aw_nas nor numpy nor scikit-learn. Nothing in the pickle is run: the few classes
that such a file holds are replaced by stand-ins, and a file that asks for any other is refused.

aw_nas writes {"table": [(primitive, cost), ...]} and, for regression, "model": a LinearRegression over the block sum.
Costs are in aw_nas' units: ms for latency, mJ for energy, bytes for memory. Its mlp and lstm pickles hold networks
that are tied to one length of network, and are not taken; fit those kinds again from the records.
"""
import argparse
import json
import math
import os
import pickle
import struct
import sys
import tempfile


class Refused(Exception):
    pass


class DType:
    """numpy.dtype: only its letter, size and byte order matter."""

    def __init__(self, code, *_):
        self.kind = str(code).lstrip("<>=|")
        self.order = "<"

    def __setstate__(self, state):
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "=", "|"):
            self.order = ">" if state[1] == ">" else "<"

    def unpack(self, data):
        letters = {"f8": "d", "f4": "f", "i8": "q", "i4": "i"}
        if self.kind not in letters or not isinstance(data, bytes):
            raise Refused("numbers of type %r" % self.kind)
        size = int(self.kind[1])
        if len(data) % size:
            raise Refused("an array whose bytes do not fit its type")
        return list(struct.unpack(self.order + str(len(data) // size) + letters[self.kind], data))


def scalar(dtype, data):
    numbers = dtype.unpack(data) if isinstance(dtype, DType) else []
    if len(numbers) != 1:
        raise Refused("a numpy scalar that holds %d numbers" % len(numbers))
    return numbers[0]


class Array:
    """numpy.ndarray, flattened."""

    def __init__(self, *_):
        self.numbers = []

    def __setstate__(self, state):
        dtype, data = state[2], state[4]
        self.numbers = dtype.unpack(data)


def reconstruct(*_):
    return Array()


def from_buffer(data, dtype, *_):
    out = Array()
    out.numbers = dtype.unpack(bytes(data))
    return out


class LinearRegression:
    """sklearn's; its state becomes the attributes."""

    def __setstate__(self, state):
        if not isinstance(state, dict):
            raise Refused("a LinearRegression without attributes")
        self.state = state


class Prim:
    """aw_nas' named tuple: prim_type, spatial_size, C, C_out, stride, (affine,) and keywords."""

    FIELDS = ("prim_type", "spatial_size", "C", "C_out", "stride", "affine")

    def __new__(cls, *args, **kwargs):
        self = object.__new__(cls)
        if len(args) > len(cls.FIELDS):
            raise Refused("a primitive with %d positional fields" % len(args))
        self.fields = dict(zip(cls.FIELDS, args))
        self.fields.update(kwargs)
        return self

    def __init__(self, *args, **kwargs):
        pass


def ordered_dict(*args):
    return dict(*args)


def encode(text, encoding="latin1"):
    """How protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise Refused("bytes in another encoding than latin1")
    return text.encode("latin1")


def known_classes():
    table = {("collections", "OrderedDict"): ordered_dict, ("_codecs", "encode"): encode}
    for module in ("numpy", "numpy.dtypes"):
        table[(module, "dtype")] = DType
    table[("numpy", "ndarray")] = Array
    for core in ("numpy.core", "numpy._core"):
        table[(core + ".multiarray", "scalar")] = scalar
        table[(core + ".multiarray", "_reconstruct")] = reconstruct
        table[(core + ".numeric", "_frombuffer")] = from_buffer
    for module in ("sklearn.linear_model._base", "sklearn.linear_model.base"):
        table[(module, "LinearRegression")] = LinearRegression
    for module in ("aw_nas.hardware.utils", "aw_nas.hardware.base", "aw_nas.utils", "aw_nas.ops"):
        table[(module, "Prim")] = Prim
    return table


KNOWN = known_classes()


class Restricted(pickle.Unpickler):
    def find_class(self, module, name):
        found = KNOWN.get((module, name))
        if found is None:
            raise Refused("the file asks for %s.%s, which no table or regression of aw_nas holds" % (module, name))
        return found

    def persistent_load(self, pid):
        raise Refused("the file refers to something outside of itself")


def number(value, what):
    if isinstance(value, Array):
        if len(value.numbers) != 1:
            raise Refused("%s is %d numbers, where one is expected" % (what, len(value.numbers)))
        value = value.numbers[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused("%s is %r, not a finite number" % (what, value))
    return float(value)


def primitive(value, place):
    if isinstance(value, Prim):
        value = value.fields
    if not isinstance(value, dict):
        raise Refused("%s: a primitive is expected, found %s" % (place, type(value).__name__))
    out = {}
    for key, field in value.items():
        if not isinstance(key, str) or not isinstance(field, (str, int, float, bool, type(None))):
            raise Refused("%s: field %r is not a plain value" % (place, key))
        if isinstance(field, float) and not math.isfinite(field):
            raise Refused("%s: field %r is not finite" % (place, key))
        if field is not None:
            out[key] = field
    if "prim_type" not in out:
        raise Refused("%s: no prim_type" % place)
    return out


def export(content, perf_name):
    if not isinstance(content, dict) or "table" not in content:
        raise Refused("a dictionary with 'table' is expected, as aw_nas' table and regression are saved")
    unknown = sorted(str(key) for key in content if key not in ("table", "model"))
    if unknown:
        raise Refused("unknown entries: " + ", ".join(unknown))
    rows = content["table"]
    if isinstance(rows, dict):
        rows = list(rows.items())
    if not isinstance(rows, (list, tuple)) or not rows:
        raise Refused("'table' is not a list of primitives and costs")
    out = {"schema": "hwprof.awnas_model/1", "kind": "table", "perf_name": perf_name}
    if content.get("model") is not None:
        model = content["model"]
        if not isinstance(model, LinearRegression):
            raise Refused("'model' is a %s; only LinearRegression is taken" % type(model).__name__)
        out["kind"] = "regression"
        out["coefficient"] = number(model.state.get("coef_"), "coef_ (of one variable, the block sum)")
        out["intercept"] = number(model.state.get("intercept_"), "intercept_")
    out["table"] = []
    for index, row in enumerate(rows):
        place = "table[%d]" % index
        if not isinstance(row, (list, tuple)) or len(row) != 2:
            raise Refused(place + ": a primitive and its cost are expected")
        out["table"].append({"prim": primitive(row[0], place), "value": number(row[1], place + ": the cost")})
    return out


def write(path, text):
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".export-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def main():
    parser = argparse.ArgumentParser(description="Turns a model that aw_nas pickled into JSON that hwprof loads.")
    parser.add_argument("pickle", help="what aw_nas' genmodel saved")
    parser.add_argument("json", help="the file to write")
    parser.add_argument("--perf-name", default="latency", choices=("latency", "energy", "memory"),
                        help="what was modelled; the pickle does not say")
    arguments = parser.parse_args()
    try:
        with open(arguments.pickle, "rb") as file:
            content = Restricted(file).load()
        text = json.dumps(export(content, arguments.perf_name), indent=1, allow_nan=False) + "\n"
        write(arguments.json, text)
    except Refused as error:
        sys.exit("%s: %s" % (arguments.pickle, error))
    except OSError as error:
        sys.exit(str(error))
    except Exception as error:  # whatever a damaged pickle makes of the unpickler
        sys.exit("%s: not a pickle that can be read: %s: %s" % (arguments.pickle, type(error).__name__, error))


if __name__ == "__main__":
    main()
