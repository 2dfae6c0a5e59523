"""
Records what TensorFlow gives for small graphs, operator by operator: each graph with its variables frozen, random inputs and the
outputs, in fixtures/formats/tensorflow/*.json.gz. The graphs are in a compact form of src/formats/tensorflow/graph.ts.

    python scripts/reference/formats/record-tensorflow.py [part of a name]

Needs TensorFlow 2.21 with Keras 3 and tf_keras (Keras 2). Recorded with tensorflow 2.21.0, keras 3.15.0, tf_keras 2.21.0.
"""

import base64
import gzip
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

sys.path.insert(0, str(pathlib.Path(__file__).parent))

OUT = pathlib.Path(__file__).parents[3] / "fixtures/formats/tensorflow"

DTYPES = {
    tf.float32: "f32", tf.float64: "f64", tf.float16: "f16", tf.bfloat16: "bf16", tf.int8: "i8", tf.int16: "i16", tf.int32: "i32",
    tf.int64: "i64", tf.uint8: "u8", tf.uint16: "u16", tf.uint32: "u32", tf.uint64: "u64", tf.bool: "bool", tf.string: "string",
}


def array(value):
    value = np.asarray(value)
    dtype = DTYPES[tf.as_dtype(value.dtype)]
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": dtype, "shape": list(value.shape), "data": data}


def shape(proto):
    return None if proto.unknown_rank else [None if d.size < 0 else d.size for d in proto.dim]


def attr(value):
    kind = value.WhichOneof("value")
    if kind == "s":
        return {"string": value.s.decode("utf8", "replace")}
    if kind == "i":
        return {"int": value.i}
    if kind == "f":
        return {"float": value.f}
    if kind == "b":
        return {"bool": value.b}
    if kind == "type":
        return {"type": DTYPES.get(tf.as_dtype(value.type))}
    if kind == "shape":
        return {"shape": shape(value.shape)}
    if kind == "tensor":
        if value.tensor.dtype in (tf.string.as_datatype_enum, tf.variant.as_datatype_enum):
            return None
        return {"tensor": array(tf.make_ndarray(value.tensor))}
    if kind == "func":
        return {"function": value.func.name}
    if kind == "list":
        lists = value.list
        out = [{"string": s.decode()} for s in lists.s] + [{"int": i} for i in lists.i] + [{"float": f} for f in lists.f]
        out += [{"bool": b} for b in lists.b] + [{"type": DTYPES.get(tf.as_dtype(t))} for t in lists.type]
        out += [{"shape": shape(s)} for s in lists.shape] + [{"function": f.name} for f in lists.func]
        return {"list": out}
    return None


def attrs(node):
    out = {}
    defaults = {a.name: a.default_value for a in op_def_registry.get(node.op).attr if a.HasField("default_value")}
    for name, value in sorted(node.attr.items()):
        # As SavedModels do: attributes at their default value are left out.
        if name.startswith("_") or (name in defaults and defaults[name] == value):
            continue
        made = attr(value)
        if made is not None:
            out[name] = made
    return out


def outputs_before(op, node, argument):
    """How many outputs come before those of an argument."""
    count = 0
    for arg in op_def_registry.get(op).output_arg:
        if arg.name == argument:
            return count
        if arg.number_attr:
            count += node.attr[arg.number_attr].i
        elif arg.type_list_attr:
            count += len(node.attr[arg.type_list_attr].list.type)
        else:
            count += 1
    raise ValueError(f"{op} has no output {argument}")


def body(function):
    nodes = {node.name: node for node in function.node_def}
    args = [arg.name for arg in function.signature.input_arg]

    def ref(text):
        parts = text.split(":")
        if parts[0] in args:
            return [parts[0], 0]
        node = nodes[parts[0]]
        return [parts[0], outputs_before(node.op, node, parts[1]) + int(parts[2])]

    inputs = [
        {"name": arg.name, "node": arg.name, "dtype": DTYPES.get(tf.as_dtype(arg.type)), "shape": None}
        for arg in function.signature.input_arg
    ]
    shapes = function.arg_attr
    for at, entry in enumerate(inputs):
        if at in shapes and "_output_shapes" in shapes[at].attr:
            entry["shape"] = shape(shapes[at].attr["_output_shapes"].list.shape[0])
    made = [{"name": name, "op": "Placeholder", "inputs": [], "attrs": {}} for name in args]
    for node in function.node_def:
        if node.op == "NoOp":
            continue
        refs = [ref(text) for text in node.input if not text.startswith("^")]
        made.append({"name": node.name, "op": node.op, "inputs": refs, "attrs": attrs(node)})
    outputs = [{"name": arg.name, "ref": ref(function.ret[arg.name])} for arg in function.signature.output_arg]
    return {"name": function.signature.name, "inputs": inputs, "outputs": outputs, "nodes": made}


def top_ref(text):
    name, _, output = text.partition(":")
    return [name, int(output or 0)]


def graph_of(frozen, names):
    definition = frozen.graph.as_graph_def()
    nodes = [
        {
            "name": node.name,
            "op": node.op,
            "inputs": [top_ref(text) for text in node.input if not text.startswith("^")],
            "attrs": attrs(node),
        }
        for node in definition.node
        if node.op not in ("NoOp", "Assert")
    ]
    inputs = [
        {
            "name": name,
            "node": tensor.op.name,
            "dtype": DTYPES[tensor.dtype],
            "shape": None if tensor.shape.rank is None else tensor.shape.as_list(),
        }
        for name, tensor in zip(names, frozen.inputs)
    ]
    outputs = [{"name": f"output_{at}", "ref": top_ref(tensor.name)} for at, tensor in enumerate(frozen.outputs)]
    functions = {function.signature.name: body(function) for function in definition.library.function}
    return {"name": "main", "inputs": inputs, "outputs": outputs, "nodes": nodes, "functions": functions}


def shorten(graph):
    """Names of nodes and functions by operator and place: what is recognised is recognised by structure."""
    functions = {name: f"function_{at}" for at, name in enumerate(sorted(graph["functions"]))}
    for one in [graph, *graph["functions"].values()]:
        names = {node["name"]: f"{node['op']}_{at}" for at, node in enumerate(one["nodes"])}
        for node in one["nodes"]:
            node["name"] = names[node["name"]]
            node["inputs"] = [[names[name], at] for name, at in node["inputs"]]
            for value in node["attrs"].values():
                if "function" in value:
                    value["function"] = functions[value["function"]]
                for item in value.get("list", []):
                    if "function" in item:
                        item["function"] = functions[item["function"]]
        for entry in one["inputs"]:
            entry["node"] = names[entry["node"]]
        for entry in one["outputs"]:
            entry["ref"] = [names[entry["ref"][0]], entry["ref"][1]]
    graph["functions"] = {functions[name]: {**one, "name": functions[name]} for name, one in graph["functions"].items()}


class Recorder:
    def __init__(self, wanted):
        self.wanted = wanted
        self.cases = {}

    def case(self, name, function, *inputs, dynamic=(), rewrite=None, plain=False):
        """`inputs`: arrays. `dynamic`: (input, axis) pairs whose size is left open. `plain`: as traced, since freezing rewrites it."""
        if self.wanted not in name:
            return
        arrays = [np.asarray(one) for one in inputs]
        specs = []
        for at, one in enumerate(arrays):
            sizes = [None if (at, axis) in dynamic else size for axis, size in enumerate(one.shape)]
            specs.append(tf.TensorSpec(sizes, one.dtype, name=f"x{at}"))

        def call(*given):
            return tf.nest.flatten(function(*given))

        concrete = tf.function(call, input_signature=specs, autograph=False).get_concrete_function()
        frozen = concrete
        try:
            if not plain:
                frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
        except Exception as error:
            print("TensorFlow cannot freeze", name, str(error)[:200])
            return
        names = [f"x{at}" for at in range(len(arrays))]
        results = concrete(*[tf.constant(one) for one in arrays])
        graph = graph_of(frozen, names)
        if rewrite is not None:
            rewrite(graph)
        self.cases[name] = {
            "graph": graph,
            "inputs": {name: array(one) for name, one in zip(names, arrays)},
            "outputs": {f"output_{at}": array(one) for at, one in enumerate(results)},
        }

    def write(self, file):
        for one in self.cases.values():
            shorten(one["graph"])
        if self.wanted:
            print("not written, since only a part was asked for:", list(self.cases))
            return
        OUT.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.cases, separators=(",", ":"))
        # No time in it, so that recording again gives the same bytes.
        (OUT / file).write_bytes(gzip.compress(text.encode(), mtime=0))
        print(file, len(self.cases), "graphs,", (OUT / file).stat().st_size, "bytes")


def main():
    from tensorflow_cases import control, operators, recurrent

    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, record in (("operators", operators), ("control", control), ("recurrent", recurrent)):
        recorder = Recorder(wanted)
        record(recorder)
        recorder.write(f"{name}.json.gz")


if __name__ == "__main__":
    main()
