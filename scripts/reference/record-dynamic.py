"""Records what onnxruntime.quantization.quantize_dynamic makes of the weights of a few models: digests of levels and scales.

Run in a Python environment of its own (onnx, onnxruntime 1.30, numpy) with the folder of the test models:
    python scripts/reference/record-dynamic.py MODELS_FOLDER

Writes scripts/reference/dynamic.json. Needed only to record; tests read the JSON.
"""

import hashlib
import json
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

MODELS = [
    "mlperf_tiny_kws/kws_from_savedmodel.onnx",
    "mlperf_tiny_resnet8/resnet8_from_tflite.onnx",
    "mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx",
    "magika_v1/model.onnx",
    "dtln/model_1.onnx",
    "dtln/model_2.onnx",
]
OPTIONS = {
    "tensor": {},
    "channel": {"per_channel": True},
    "channel, reduced": {"per_channel": True, "reduce_range": True},
}
# Inputs that hold levels and scales of weights, by operator.
LSTM = [(1, 8), (2, 10)]


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def told(levels, scale):
    """Digests of both, and the sum of the levels: levels that differ by one step somewhere show how little they differ."""
    return [digest(levels), digest(scale), int(levels.astype(np.int64).sum())]


def weights_of(model):
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    makers = {output: node for node in model.graph.node for output in node.output}
    readers = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    layers = {}
    for node in model.graph.node:
        if node.op_type in ("MatMulInteger", "ConvInteger"):
            levels = constants[node.input[1]]
            scaled = readers[readers[node.output[0]][0].output[0]][0]
            scales = next(makers[name] for name in scaled.input if makers[name].op_type == "Mul")
            scale = next(constants[name] for name in scales.input if name in constants)
            layers[node.name.removesuffix("_quant")] = [told(levels, scale)]
        elif node.op_type == "DynamicQuantizeLSTM":
            pairs = [told(constants[node.input[w]], constants[node.input[s]]) for w, s in LSTM]
            layers[node.name.removesuffix("_quant")] = pairs
    return layers


def main():
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1])
    recorded = {"onnxruntime": onnxruntime.__version__, "models": {}}
    with tempfile.TemporaryDirectory() as place:
        for name in MODELS:
            recorded["models"][name] = {}
            for options, settings in OPTIONS.items():
                out = Path(place) / "out.onnx"
                quantize_dynamic(folder / name, out, weight_type=QuantType.QInt8, **settings)
                recorded["models"][name][options] = weights_of(onnx.load(out))
    target = Path(__file__).parent / "dynamic.json"
    target.write_text(json.dumps(recorded, indent=1) + "\n")


main()
