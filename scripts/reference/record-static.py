"""Records what onnxruntime's quantize_static makes of models, so that quantize/static can be held to it to the bit.

    python scripts/reference/record-static.py --models PATH/TO/testdata/models --out scripts/reference/static

Needs onnx, numpy and onnxruntime 1.30. Nothing is calibrated: the range of a tensor follows from its name alone (range_of), and
quantize_static reads it from its own calibration cache. Of the shared models only names, scales and checksums are kept;
small graphs that try one rule each are built here and kept whole.
"""

import argparse
import base64
import hashlib
import json
import shutil
import tempfile
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_static
from onnxruntime.quantization.calibrate import TensorData, TensorsData, save_tensors_data

MODELS = [
    "mnist/mnist.onnx",
    "mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx",
    "mlperf_tiny_resnet8/resnet8_from_tflite.onnx",
    "mlperf_tiny_kws/kws_from_savedmodel.onnx",
    "ultraface/version-RFB-320.onnx",
    "yolox_nano/yolox_nano.onnx",
    "magika_v1/model.onnx",
    "basic_pitch/nmp.onnx",
    "dtln/model_1.onnx",
    "dtln/model_2.onnx",
]
TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8, "uint16": QuantType.QUInt16, "int16": QuantType.QInt16}


def range_of(name):
    """A range that every float32 holds exactly; one tensor in three is not negative."""
    code = zlib.crc32(name.encode())
    low = 0.0 if code % 3 == 0 else -((code & 0xFFFF) / 8192)
    return np.float32(low), np.float32((code >> 16) / 8192)


def crc(array):
    return f"{zlib.crc32(np.ascontiguousarray(array).tobytes()):08x}"


def bits(array):
    return f"{int(np.asarray(array, np.float32).reshape(-1)[0].view(np.uint32)):08x}"


def quantize(source, folder, options):
    model_path = folder / "model.onnx"
    shutil.copy(source, model_path)
    inferred = onnx.shape_inference.infer_shapes(onnx.load(model_path))
    names = {info.name for info in [*inferred.graph.input, *inferred.graph.output, *inferred.graph.value_info]}
    names |= {name for node in inferred.graph.node for name in node.output}
    ranges = {name: TensorData(lowest=range_of(name)[0], highest=range_of(name)[1]) for name in sorted(names) if name}
    cache, out = folder / "ranges.json", folder / "out.onnx"
    cache.unlink(missing_ok=True)
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, ranges), cache)
    extra = {
        "ActivationSymmetric": options.get("symmetric", False),
        "QDQKeepRemovableActivations": options.get("keepRelu", False),
        "QuantizeBias": options.get("quantizeBias", True),
        "ForceQuantizeNoInputCheck": options.get("forceQuantize", False),
        "QDQDisableWeightAdjustForInt32Bias": not options.get("widenForBias", True),
    }
    if options.get("minimumRealRange"):
        extra["MinimumRealRange"] = options["minimumRealRange"]
    quantize_static(
        model_path,
        out,
        calibration_cache_path=cache,
        per_channel=options.get("perChannel", True),
        reduce_range=options.get("reduceRange", False),
        activation_type=TYPES[options.get("activations", "uint8")],
        weight_type=TYPES[options.get("weights", "int8")],
        extra_options=extra,
    )
    return onnx.load(model_path), onnx.load(out)


def plain(name):
    return name.removesuffix("_QuantizeLinear_Input")


def vectors(before, after):
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in after.graph.initializer}
    readers = {}
    for node in after.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    activations, weights, biases = {}, {}, {}
    for node in after.graph.node:
        if node.op_type == "QuantizeLinear":
            scale, zero = constants[node.input[1]], constants[node.input[2]]
            activations[node.name.removesuffix("_QuantizeLinear")] = [bits(scale), int(zero), str(zero.dtype)]
        if node.op_type == "DequantizeLinear" and node.input[0] in constants:
            levels, scale, zero = (constants[name] for name in node.input)
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), None)
            if levels.dtype == np.int32:
                assert not zero.any()
                for reader in readers.get(node.output[0], []):
                    biases[plain(reader.output[0])] = [crc(scale), crc(levels)]
            else:
                name = node.input[0].removesuffix("_quantized")
                weights[name] = [str(levels.dtype), axis, crc(scale), crc(zero), crc(levels)]
    made = {plain(name) for node in after.graph.node for name in node.output}
    removed = [node.output[0] for node in before.graph.node if node.op_type in ("Relu", "Clip")]
    kept = {plain(node.output[0]) for node in after.graph.node if node.op_type in ("Relu", "Clip")}
    assert made
    return {
        "activations": dict(sorted(activations.items())),
        "weights": dict(sorted(weights.items())),
        "biases": dict(sorted(biases.items())),
        "folded": sorted(name for name in removed if name not in kept),
    }


# Small graphs, one rule each -------------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(7)


def floats(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


class Graph:
    def __init__(self, opset=13, **inputs):
        self.opset, self.nodes, self.constants, self.inputs = opset, [], [], inputs

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, op, inputs, outputs, **attributes):
        outputs = [outputs] if isinstance(outputs, str) else outputs
        self.nodes.append(helper.make_node(op, inputs, outputs, f"{op}_{outputs[0]}", **attributes))
        return outputs[0]

    def model(self, *outputs):
        inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in self.inputs.items()]
        out = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "small", inputs, out, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model)
        onnx.checker.check_model(model)
        return model


def conv(graph, x, y, out=4, into=3, bias=True, group=1, **attributes):
    w = graph.constant(f"{y}_w", floats(out, into // group, 3, 3))
    inputs = [x, w] + ([graph.constant(f"{y}_b", floats(out))] if bias else [])
    return graph.add("Conv", inputs, y, pads=[1, 1, 1, 1], group=group, **attributes)


def chain():
    g = Graph(x=[1, 3, 8, 8])
    conv(g, "x", "c1")
    g.add("Relu", ["c1"], "r1")
    conv(g, "r1", "c2", into=4, group=4)
    g.add("Clip", ["c2", g.constant("zero", np.float32(0)), g.constant("six", np.float32(6))], "r2")
    conv(g, "r2", "y", into=4, bias=False)
    return g.model("y")


def branches():
    g = Graph(x=[1, 3, 8, 8])
    conv(g, "x", "c1")
    g.add("Relu", ["c1"], "r1")
    conv(g, "c1", "c2", into=4)
    g.add("Add", ["r1", "c2"], "s")
    g.add("Relu", ["s"], "y")
    return g.model("y", "c2")


def output_relu():
    g = Graph(x=[1, 3, 8, 8])
    conv(g, "x", "c1")
    g.add("Relu", ["c1"], "r1")
    g.add("Relu", ["r1"], "r2")
    return g.model("r1", "r2")


def shared_bias():
    g = Graph(x=[1, 3, 8, 8])
    b = g.constant("b", floats(4))
    for y in ("y1", "y2"):
        g.add("Conv", ["x", g.constant(f"{y}_w", floats(4, 3, 1, 1)), b], y)
    return g.model("y1", "y2")


def shared_weight():
    g = Graph(x=[1, 3, 8, 8], z=[1, 3, 8, 8])
    w = g.constant("w", floats(4, 3, 1, 1))
    g.add("Conv", ["x", w, g.constant("b1", floats(4, scale=1e9))], "y1")
    g.add("Conv", ["z", w, g.constant("b2", floats(4, scale=1e10))], "y2")
    return g.model("y1", "y2")


def large_bias():
    g = Graph(x=[1, 3, 8, 8])
    w = floats(4, 3, 1, 1)
    w[1] *= 1e-6
    w[2] = 0
    g.add("Conv", ["x", g.constant("w", w), g.constant("b", floats(4, scale=1e6))], "y")
    return g.model("y")


def gemm(**attributes):
    g = Graph(x=[2, 6])
    w = floats(5, 6) if attributes.get("transB") else floats(6, 5)
    g.add("Gemm", ["x", g.constant("w", w), g.constant("b", floats(5))], "y", **attributes)
    return g.model("y")


def gemm_without_bias():
    g = Graph(x=[2, 6])
    g.add("Gemm", ["x", g.constant("w", floats(6, 5))], "y")
    return g.model("y")


def gemm_computed_bias():
    g = Graph(x=[2, 6], c=[2, 5])
    g.add("Gemm", ["x", g.constant("w", floats(6, 5)), "c"], "y")
    return g.model("y")


def products():
    g = Graph(x=[2, 3, 6])
    g.add("MatMul", ["x", g.constant("w2", floats(6, 4))], "a")
    g.add("MatMul", ["a", g.constant("w3", floats(2, 4, 5))], "b")
    g.add("MatMul", [g.constant("left", floats(7, 3)), "b"], "d")
    g.add("MatMul", ["d", g.constant("w1", floats(5))], "e")
    return g.model("d", "e")


def computed_product():
    g = Graph(x=[2, 3, 6], z=[2, 6, 4])
    g.add("MatMul", ["x", "z"], "y")
    return g.model("y")


def movers():
    g = Graph(x=[1, 3, 8, 8])
    conv(g, "x", "c")
    g.add("MaxPool", ["c"], "m", kernel_shape=[2, 2], strides=[2, 2])
    g.add("Transpose", ["m"], "t", perm=[0, 2, 3, 1])
    g.add("Reshape", ["t", g.constant("shape", np.array([1, -1, 4], np.int64))], "r")
    g.add("Slice", ["r", *(g.constant(n, np.array([v], np.int64)) for n, v in (("s", 0), ("e", 8), ("ax", 1)))], "sl")
    g.add("Unsqueeze", ["sl", g.constant("axes", np.array([0], np.int64))], "u")
    g.add("Squeeze", ["u", "axes"], "q")
    g.add("Flatten", ["q"], "f")
    g.add("Gather", ["f", g.constant("i", np.array([3, 1], np.int64))], "ga", axis=1)
    g.add("Split", ["q"], ["p1", "p2"], axis=1)
    g.add("AveragePool", ["c"], "ap", kernel_shape=[2, 2])
    g.add("Resize", ["c", "", g.constant("rs", np.array([1, 1, 2, 2], np.float32))], "re", mode="nearest")
    return g.model("ga", "p1", "p2", "ap", "re")


def movers_alone():
    g = Graph(x=[1, 3, 8, 8])
    g.add("MaxPool", ["x"], "m", kernel_shape=[2, 2])
    g.add("Transpose", ["m"], "t")
    g.add("Relu", ["t"], "y")
    return g.model("y")


def old_pool():
    g = Graph(opset=11, x=[1, 3, 8, 8])
    conv(g, "x", "c")
    g.add("MaxPool", ["c"], "m", kernel_shape=[2, 2])
    g.add("Relu", ["m"], "y")
    return g.model("y")


def pads():
    g = Graph(x=[1, 3, 8, 8])
    p = g.constant("p", np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    g.add("Pad", ["x", p], "a")
    g.add("Pad", ["a", p, g.constant("zero", np.float32(0))], "b")
    g.add("Pad", ["b", p, g.constant("two", np.float32(2))], "c")
    g.add("Pad", ["c", p], "d", mode="reflect")
    g.add("Pad", ["d", p], "y", mode="edge")
    return g.model("y")


def elementwise():
    g = Graph(x=[1, 4, 5], z=[1, 4, 5])
    g.add("Mul", ["x", g.constant("k", floats(4, 1))], "a")
    g.add("Add", ["a", "z"], "b")
    g.add("Add", ["b", g.constant("scalar", np.float32(0.3))], "b2")
    g.add("Sigmoid", ["b2"], "s")
    g.add("LeakyRelu", ["s"], "l", alpha=0.1)
    g.add("Softmax", ["l"], "so")
    g.add("Concat", ["so", "x", "k2"], "co", axis=1)
    g.constant("k2", floats(1, 2, 5))
    g.add("Tanh", ["co"], "t")
    g.add("Sub", ["t", "co"], "y")
    return g.model("y")


def choices():
    g = Graph(x=[2, 3], z=[2, 3])
    g.add("Greater", ["x", "z"], "g")
    g.add("Where", ["g", "x", "z"], "w1")
    g.add("Add", ["x", "z"], "s")
    g.add("Where", ["g", "x", "s"], "w2")
    return g.model("w1", "w2")


def tables():
    g = Graph(x=[2, 3])
    i = g.constant("i", np.array([[0, 2]], np.int64))
    g.add("Gather", [g.constant("table", floats(4, 3)), i], "a")
    g.add("Gather", ["x", i], "b")
    g.add("Add", ["a", "b"], "y")
    return g.model("y")


def norms():
    g = Graph(opset=17, x=[1, 4, 5, 5])
    c = {n: g.constant(n, np.abs(floats(4)) + np.float32(0.1)) for n in ("s", "b", "m", "v")}
    g.add("BatchNormalization", ["x", *c.values()], "bn")
    g.add("InstanceNormalization", ["bn", g.constant("s2", floats(4)), g.constant("b2", floats(4))], "i")
    g.add("LayerNormalization", ["i", g.constant("s3", floats(5)), g.constant("b3", floats(5))], "y")
    return g.model("y")


def transposed():
    g = Graph(x=[1, 3, 8, 8])
    g.add("ConvTranspose", ["x", g.constant("w", floats(3, 4, 2, 2)), g.constant("b", floats(4))], "y")
    return g.model("y")


def constant_nodes():
    g = Graph(x=[1, 3, 8, 8])
    for name, array in (("w", floats(4, 3, 1, 1)), ("b", floats(4)), ("k", floats(4, 1, 1))):
        g.add("Constant", [], name, value=numpy_helper.from_array(array, name))
    g.add("Conv", ["x", "w", "b"], "c")
    g.add("Add", ["c", "k"], "y")
    return g.model("y")


def bias_read_twice():
    g = Graph(x=[1, 3, 8, 8])
    b = g.constant("b", floats(4))
    g.add("Conv", ["x", g.constant("w", floats(4, 3, 1, 1)), b], "c")
    g.add("Transpose", ["c"], "t", perm=[0, 2, 3, 1])
    g.add("Add", ["t", b], "y")
    return g.model("y")


def tiny_numbers():
    g = Graph(x=[1, 3, 8, 8])
    w = floats(4, 3, 1, 1)
    w[0] = 0
    w[1] = 1e-39
    w[2] = 3e-37
    w[3] = np.array([0.5, 0.5, -127.0], np.float32).reshape(3, 1, 1)
    g.add("Conv", ["x", g.constant("w", w)], "c")
    g.add("Add", ["c", g.constant("k", np.float32(0))], "y")
    return g.model("y")


def ties():
    """Levels that lie in the middle between two integers, or as near to it as float32 gets."""
    g = Graph(x=[1, 64])
    steps = np.arange(-127, 128, dtype=np.float32)
    w = np.resize(np.concatenate([steps, steps + np.float32(0.5), np.nextafter(steps + 0.5, 0).astype(np.float32)]), 64 * 40)
    w = (np.clip(w, -127, 127) * np.float32(0.0173)).reshape(64, 40).astype(np.float32)
    g.add("MatMul", ["x", g.constant("w", w)], "y")
    return g.model("y")


SMALL = {
    "chain": (chain, {}),
    "chain, int8": (chain, {"activations": "int8"}),
    "chain, uint16": (chain, {"activations": "uint16"}),
    "chain, int16 symmetric": (chain, {"activations": "int16", "symmetric": True}),
    "chain, int8 symmetric": (chain, {"activations": "int8", "symmetric": True}),
    "chain, uint8 symmetric": (chain, {"symmetric": True}),
    "chain, per tensor": (chain, {"perChannel": False}),
    "chain, uint8 weights": (chain, {"weights": "uint8"}),
    "chain, uint8 weights per tensor": (chain, {"weights": "uint8", "perChannel": False}),
    "chain, reduced": (chain, {"reduceRange": True}),
    "chain, reduced uint8 weights": (chain, {"reduceRange": True, "weights": "uint8"}),
    "chain, Relu kept": (chain, {"keepRelu": True}),
    "chain, float bias": (chain, {"quantizeBias": False}),
    "branches": (branches, {}),
    "branches, symmetric": (branches, {"symmetric": True, "activations": "int8"}),
    "Relu as output": (output_relu, {}),
    "shared bias": (shared_bias, {}),
    "shared weight, widened twice": (shared_weight, {}),
    "large bias": (large_bias, {}),
    "large bias, per tensor": (large_bias, {"perChannel": False}),
    "large bias, not widened": (large_bias, {"widenForBias": False}),
    "large bias, int16": (large_bias, {"activations": "int16"}),
    "Gemm": (lambda: gemm(), {}),
    "Gemm, transB": (lambda: gemm(transB=1), {}),
    "Gemm, beta": (lambda: gemm(beta=0.3), {}),
    "Gemm, alpha": (lambda: gemm(alpha=0.7), {}),
    "Gemm, beta, per tensor": (lambda: gemm(beta=0.3), {"perChannel": False}),
    "Gemm without bias": (gemm_without_bias, {}),
    "Gemm, computed bias": (gemm_computed_bias, {}),
    "products": (products, {}),
    "products, per tensor": (products, {"perChannel": False}),
    "computed product": (computed_product, {}),
    "movers": (movers, {}),
    "movers alone": (movers_alone, {}),
    "movers alone, forced": (movers_alone, {"forceQuantize": True}),
    "pool at opset 11": (old_pool, {}),
    "pads": (pads, {}),
    "elementwise": (elementwise, {}),
    "elementwise, int8 symmetric": (elementwise, {"activations": "int8", "symmetric": True}),
    "elementwise, reduced": (elementwise, {"reduceRange": True}),
    "choices": (choices, {}),
    "choices, forced": (choices, {"forceQuantize": True}),
    "tables": (tables, {}),
    "norms": (norms, {}),
    "norms, per tensor": (norms, {"perChannel": False}),
    "ConvTranspose": (transposed, {}),
    "Constant nodes": (constant_nodes, {}),
    "bias read twice": (bias_read_twice, {}),
    "tiny numbers": (tiny_numbers, {}),
    "tiny numbers, smallest range": (tiny_numbers, {"minimumRealRange": 0.0001}),
    "ties": (ties, {}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    tool = f"onnxruntime {onnxruntime.__version__} quantize_static, onnx {onnx.__version__}, numpy {np.__version__}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = {}
        for title, (build, options) in SMALL.items():
            path = folder / "small.onnx"
            onnx.save(build(), path)
            small[title] = {"options": options, "model": base64.b64encode(path.read_bytes()).decode()}
            small[title] |= vectors(*quantize(path, folder, options))
        write(arguments.out / "small.json", {"tool": tool, "cases": small})
        models = {}
        for path in MODELS:
            source = arguments.models / path
            digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
            models[path] = {"sha256": digest, "options": {}} | vectors(*quantize(source, folder, {}))
        write(arguments.out / "models.json", {"tool": tool, "cases": models})


def write(path, content):
    """One line for each case, so that a change shows where it is."""
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in content["cases"].items())
    path.write_text(f'{{"tool": {json.dumps(content["tool"])}, "cases": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
