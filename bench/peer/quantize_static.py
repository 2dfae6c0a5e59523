"""The peer of bench/calibrate-peer.bench.ts: onnxruntime's Python quantizer on the same images.

    python quantize_static.py MODEL.onnx FOLDER_OF_JPEG OUT.onnx [METHOD]

Static quantization as its documentation shows it: shape inference and optimization first (quant_pre_process), then quantize_static
with QDQ, one scale per channel, uint8 activations, int8 weights. Images: centre square, 224 x 224, (x - 127.5) / 127.5, NCHW.
Needs onnxruntime, onnx and Pillow. Prints one line of JSON: versions and how often the reader was asked.
"""

import glob
import json
import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image


class Reader(CalibrationDataReader):
    def __init__(self, model, files):
        self.name = onnx.load(model, load_external_data=False).graph.input[0].name
        self.files = iter(files)
        self.count = 0

    def get_next(self):
        file = next(self.files, None)
        if file is None:
            return None
        self.count += 1
        image = Image.open(file).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.BOX)
        values = (np.asarray(image, dtype=np.float32) - 127.5) / 127.5
        return {self.name: values.transpose(2, 0, 1)[None]}


def main():
    model, folder, out = sys.argv[1:4]
    method = {
        "percentile": CalibrationMethod.Percentile,
        "minmax": CalibrationMethod.MinMax,
        "entropy": CalibrationMethod.Entropy,
    }[sys.argv[4] if len(sys.argv) > 4 else "percentile"]
    files = sorted(glob.glob(os.path.join(folder, "**", "*.jpg"), recursive=True))
    with tempfile.TemporaryDirectory() as scratch:
        prepared = os.path.join(scratch, "prepared.onnx")
        quant_pre_process(model, prepared)
        reader = Reader(prepared, files)
        quantize_static(
            prepared,
            out,
            reader,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
        )
    print(json.dumps({"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__, "images": reader.count}))


main()
