"""Records what TensorFlow itself makes of models that no JavaScript runtime can judge: SavedModels, Keras files and the .tflite
files that LiteRT.js refuses or gets wrong.

Run in a Python environment of its own (TensorFlow 2.21, tf_keras 2.21) with the folder of the test data:
    python scripts/reference/formats/record-conversions.py TESTDATA_FOLDER

Writes scripts/reference/formats/conversions.json: seeds and ranges of inputs, from which src/cli/testing/generated-input.ts
makes the same numbers, and outputs as base64, of long ones every so many-th value. Needed only to record; tests read the JSON.
"""

import base64
import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# The plain kernels, whose sums do not depend on the machine's vector width more than they must.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

MOST_VALUES = 1000

# Model, how it is run, range of the input values (with "whole": rounded down to integers), number of samples.
MODELS = [
    ("mnist/mnist_lstm.tflite", "tflite", (0, 1), 8),
    ("basic_pitch/nmp.tflite", "tflite", (-0.5, 0.5), 1),
    ("basic_pitch/nmp", "savedmodel", (-0.5, 0.5), 1),
    ("mlperf_tiny_kws/kws_ref_model", "savedmodel", (-20, 20), 8),
    ("mlperf_tiny_resnet8/pretrainedResnet.h5", "keras", (0, 256, "whole"), 8),
    ("mlperf_tiny_anomaly/ad01.h5", "keras", (-70, 10), 4),
    ("hand_keypoint/keypoint_classifier.hdf5", "keras", (-1, 1), 8),
    ("magika_v1/model.h5", "keras", (32, 127, "whole"), 4),
]

# Models on which TFLite's own kernels differ among themselves by more than what is asked of a conversion.
SPREADS = [
    ("basic_pitch/nmp.tflite", (-0.5, 0.5), 1),
    ("yolox_nano/yolox_nano_float16_quantize.tflite", (0, 256, "whole"), 1),
    ("mobilenet_v2_int8_coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", (0, 256, "whole"), 8),
]


def generated(seed, count, low, high, whole):
    """A 32-bit linear congruential generator (Numerical Recipes) of which the upper 16 bits count."""
    state = seed
    values = np.empty(count, np.float64)
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = low + (high - low) * (state // 65536) / 65536
    return (np.floor(values) if whole else values).astype(np.float32)


def stride_for(count):
    """The least prime that leaves at most MOST_VALUES values: a prime meets every row, column and channel."""
    stride = -(-count // MOST_VALUES)
    while stride > 1 and any(stride % factor == 0 for factor in range(2, int(stride**0.5) + 1)):
        stride += 1
    return max(1, stride)


def told(array):
    array = np.ascontiguousarray(array, np.float32)
    stride = stride_for(array.size)
    data = array.reshape(-1)[::stride]
    return {"shape": list(array.shape), "stride": stride, "data": base64.b64encode(data.tobytes()).decode()}


KERNELS = tf.lite.experimental.OpResolverType


def run_tflite(path, kernels=KERNELS.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
    """Plain kernels by default, without delegates."""
    interpreter = tf.lite.Interpreter(str(path), num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_input_details()

    def run(x):
        interpreter.reset_all_variables()
        interpreter.set_tensor(detail["index"], x.astype(detail["dtype"]))
        interpreter.invoke()
        return {out["name"]: interpreter.get_tensor(out["index"]) for out in interpreter.get_output_details()}

    return detail["name"], [int(size) for size in detail["shape"]], run, f"tf.lite.Interpreter, TensorFlow {tf.__version__}"


def run_savedmodel(path):
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    ((name, spec),) = signature.structured_input_signature[1].items()

    def run(x):
        return {key: value.numpy() for key, value in signature(**{name: tf.constant(x)}).items()}

    return name, [size or 1 for size in spec.shape], run, f"TensorFlow {tf.__version__}"


def run_keras(path):
    # magika's h5 holds TFOpLambda layers, which Keras 2 alone knows.
    model = tf_keras.models.load_model(path, compile=False)
    (name,) = model.input_names

    def run(x):
        return {model.output_names[0]: model(tf.constant(x), training=False).numpy()}

    return name, [size or 1 for size in model.input_shape], run, f"tf_keras {tf_keras.__version__}"


def spread(path, values, samples):
    """How far outputs of XNNPACK, of the optimized and of the reference kernels lie apart on the same inputs."""
    low, high, *whole = values
    answers = []
    for kernels in (KERNELS.AUTO, KERNELS.BUILTIN_WITHOUT_DEFAULT_DELEGATES, KERNELS.BUILTIN_REF):
        _, shape, run, _ = run_tflite(path, kernels)
        inputs = [generated(seed, int(np.prod(shape)), low, high, bool(whole)) for seed in range(1, samples + 1)]
        outputs = [run(x.reshape(shape)) for x in inputs]
        answers.append({name: np.stack([output[name] for output in outputs]).astype(np.float64) for name in outputs[0]})
    farthest = [0, 1]
    for one in answers:
        for other in answers:
            for name in one:
                difference = np.abs(one[name] - other[name])
                farthest[0] = max(farthest[0], float(difference.max()))
                farthest[1] = min(farthest[1], float((difference == 0).mean()))
    return {
        "input": {"low": low, "high": high, "whole": bool(whole), "samples": samples},
        "maxAbs": farthest[0],
        "equalShare": farthest[1],
    }


def keyword_score(testdata):
    """How many of the 1000 keywords the SavedModel gets right."""
    levels = np.load(testdata / "data/kws01/features_int8.npy").astype(np.float64)
    features = ((levels - 83) * 0.5847029).astype(np.float32).reshape(-1, 49, 10, 1)
    labels = np.load(testdata / "data/kws01/labels.npy")
    _, _, run, runtime = run_savedmodel(testdata / "models/mlperf_tiny_kws/kws_ref_model")
    (scores,) = run(features).values()
    return {"runtime": runtime, "right": int((scores.argmax(1) == labels).sum()), "of": len(labels)}


def main():
    folder = Path(sys.argv[1]) / "models"
    runners = {"tflite": run_tflite, "savedmodel": run_savedmodel, "keras": run_keras}
    models = {}
    for path, kind, (low, high, *whole), samples in MODELS:
        name, shape, run, runtime = runners[kind](folder / path)
        recorded = []
        for seed in range(1, samples + 1):
            x = generated(seed, int(np.prod(shape)), low, high, bool(whole)).reshape(shape)
            recorded.append({"seed": seed, "outputs": {key: told(value) for key, value in sorted(run(x).items())}})
        models[path] = {
            "runtime": runtime,
            "input": {"name": name, "shape": shape, "low": low, "high": high, "whole": bool(whole)},
            "samples": recorded,
        }
        print(path, name, shape, {key: value["shape"] for key, value in recorded[0]["outputs"].items()})
    spreads = {path: spread(folder / path, values, samples) for path, values, samples in SPREADS}
    for path, found in spreads.items():
        print(path, found)
    scores = {"mlperf_tiny_kws/kws_ref_model": keyword_score(Path(sys.argv[1]))}
    print(scores)
    target = Path(__file__).parent / "conversions.json"
    target.write_text(json.dumps({"models": models, "spreads": spreads, "scores": scores}, indent=1) + "\n")
    print(f"wrote {target}")


main()
