"""Makes small SavedModels, frozen graphs and TF.js graph models, and records what TensorFlow computes with each:

    python record-savedmodel.py fixtures/formats

Writes savedmodel/NAME.zip (a SavedModel folder), savedmodel/NAME.pb (a frozen graph) and tfjs/NAME.zip, each with NAME.expected.json beside
it. Folders are zipped with fixed times, so that a second run gives the same bytes where TensorFlow does. Needs TensorFlow and tf_keras.
"""

import base64
import json
import os
import shutil
import sys
import tempfile
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.framework import graph_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

ROOT = sys.argv[1]
DTYPES = {"float32": "f32", "float64": "f64", "float16": "f16", "int32": "i32", "int64": "i64", "bool": "bool", "uint8": "u8"}
v1 = tf.compat.v1


def spell(array):
    array = np.ascontiguousarray(array)
    return {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape), "data": base64.b64encode(array.tobytes()).decode()}


def expect(kind, name, inputs, outputs):
    record = {"inputs": {k: spell(np.asarray(v)) for k, v in inputs.items()}, "outputs": {k: spell(np.asarray(v)) for k, v in outputs.items()}}
    with open(f"{ROOT}/{kind}/{name}.expected.json", "w") as file:
        json.dump(record, file)


def pack(kind, name, folder):
    with zipfile.ZipFile(f"{ROOT}/{kind}/{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, _, files in sorted(os.walk(folder)):
            for each in sorted(files):
                full = os.path.join(path, each)
                info = zipfile.ZipInfo(os.path.relpath(full, folder), (2020, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                with open(full, "rb") as file:
                    archive.writestr(info, file.read())


def draw(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def save(name, module, signatures, feeds, **options):
    """A SavedModel, and what its signatures give: NAME for serving_default, NAME.SIGNATURE for others."""
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=signatures, **options)
        record_saved(name, folder, feeds)


def record_saved(name, folder, feeds):
    loaded = tf.saved_model.load(folder)
    for signature, inputs in feeds.items():
        outputs = loaded.signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
        suffix = "" if signature == "serving_default" else f".{signature}"
        expect("savedmodel", name + suffix, inputs, {k: v.numpy() for k, v in outputs.items()})
    shutil.rmtree(os.path.join(folder, "assets"), ignore_errors=True)
    pack("savedmodel", name, folder)


# --- TensorFlow 2 ---------------------------------------------------------------------------------------------------------


class Signatures(tf.Module):
    """Two signatures; two variables without names of their own; one weight shared by both."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(draw(1, 4, 3))
        self.bias = tf.Variable(draw(2, 3))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def serve(self, x):
        values, indices = tf.math.top_k(tf.matmul(x, self.kernel) + self.bias, k=2)
        return {"values": values, "indices": indices}

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x"), tf.TensorSpec([None, 4], tf.float32, name="y")])
    def pair(self, x, y):
        left, middle, right = tf.split(tf.matmul(x - y, self.kernel), 3, axis=1)
        return {"sum": left + right, "product": middle * self.bias[0]}


module = Signatures()
save(
    "signatures",
    module,
    {"serving_default": module.serve, "pair": module.pair},
    {"serving_default": {"x": draw(3, 2, 4)}, "pair": {"x": draw(4, 2, 4), "y": draw(5, 2, 4)}},
)


class Control(tf.Module):
    """A loop and a branch whose bodies read variables, one inside the other; the number of turns is known only when it runs."""

    def __init__(self):
        super().__init__()
        self.step = tf.Variable(draw(6, 3, 3) / 3, name="step")
        self.shift = tf.Variable(draw(7, 3), name="shift")
        self.other = tf.Variable(draw(8, 3), name="other")

    @tf.function(input_signature=[tf.TensorSpec([2, 3], tf.float32, name="x"), tf.TensorSpec([], tf.int32, name="turns")])
    def serve(self, x, turns):
        def body(i, y):
            z = tf.matmul(y, self.step)
            z = tf.cond(tf.reduce_sum(z) > 0.0, lambda: z + self.shift, lambda: z - self.other)
            return i + 1, tf.tanh(z)

        _, y = tf.while_loop(lambda i, y: i < turns, body, [tf.constant(0), x])
        return {"y": y}


module = Control()
save("control", module, {"serving_default": module.serve}, {"serving_default": {"x": draw(9, 2, 3), "turns": np.int32(4)}})


class Lookup(tf.Module):
    """Rows of a table: a gather that reads the variable itself."""

    def __init__(self):
        super().__init__()
        self.table = tf.Variable(draw(10, 50, 6), name="table")

    @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.int32, name="ids")])
    def serve(self, ids):
        rows = tf.nn.embedding_lookup(self.table, ids)
        pairs = tf.gather_nd(self.table, tf.stack([ids, ids % 6], axis=-1))
        return {"mean": tf.reduce_mean(rows, axis=1), "pairs": pairs, "size": tf.shape(self.table)}


module = Lookup()
save("lookup", module, {"serving_default": module.serve}, {"serving_default": {"ids": np.array([[0, 3, 49, 7, 3], [1, 1, 2, 20, 30]], np.int32)}})


class Counter(tf.Module):
    """Changes a variable while it runs."""

    def __init__(self):
        super().__init__()
        self.count = tf.Variable(1.0, name="count")

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, name="x")])
    def serve(self, x):
        self.count.assign_add(1.0)
        return {"y": x * self.count}


module = Counter()
save("counter", module, {"serving_default": module.serve}, {"serving_default": {"x": draw(11, 2)}})


class Constants(tf.Module):
    """Constants of every type that models hold, in every way that TensorFlow stores them."""

    @tf.function(input_signature=[tf.TensorSpec([2, 3], tf.float32, name="x")])
    def serve(self, x):
        big = tf.constant(draw(12, 3, 1400))
        filled = tf.zeros([3, 4]) + tf.fill([3, 4], 0.25)
        half = tf.cast(tf.constant([1.5, -2.0, 0.0], tf.float16), tf.float32)
        brain = tf.cast(tf.constant([1.5, -2.0, 3.0], tf.bfloat16), tf.float32)
        wide = tf.cast(tf.constant([2**40, -3, 5], tf.int64), tf.float32)
        small = tf.cast(tf.constant([-1, 2, 3], tf.int8), tf.float32)
        double = tf.cast(tf.constant([0.1, 0.2, 0.3], tf.float64), tf.float32)
        mask = tf.where(tf.constant([True, False, True]), x, -x)
        return {
            "big": tf.reduce_sum(tf.matmul(x, big), axis=1),
            "filled": tf.matmul(x, filled),
            "types": x * half + brain - wide * small + double,
            "mask": mask,
        }


module = Constants()
save("constants", module, {"serving_default": module.serve}, {"serving_default": {"x": draw(13, 2, 3)}})

# --- Keras ----------------------------------------------------------------------------------------------------------------

import keras  # noqa: E402

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.layers.Input((8, 8, 3), name="picture"),
        keras.layers.Conv2D(4, 3, padding="same", strides=2, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.DepthwiseConv2D(3, padding="same"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
with tempfile.TemporaryDirectory() as folder:
    model.export(folder, verbose=False)
    inputs = list(tf.saved_model.load(folder).signatures["serving_default"].structured_input_signature[1])
    record_saved("keras3", folder, {"serving_default": {inputs[0]: draw(14, 2, 8, 8, 3)}})

import tf_keras  # noqa: E402

tf_keras.utils.set_random_seed(2)
model = tf_keras.Sequential(
    [
        tf_keras.layers.Input((5, 3), name="steps"),
        tf_keras.layers.LSTM(4, return_sequences=True),
        tf_keras.layers.Dense(2),
    ]
)
with tempfile.TemporaryDirectory() as folder:
    model.save(folder, include_optimizer=False, save_format="tf")
    record_saved("keras2-lstm", folder, {"serving_default": {"steps": draw(15, 2, 5, 3)}})
model = tf_keras.Sequential(
    [
        tf_keras.layers.Input((6,), name="words", dtype="int32"),
        tf_keras.layers.Embedding(20, 4),
        tf_keras.layers.Bidirectional(tf_keras.layers.GRU(3)),
        tf_keras.layers.Dense(1, activation="sigmoid"),
    ]
)
with tempfile.TemporaryDirectory() as folder:
    # The light form: the traces of every layer take 150 kB.
    model.export(folder)
    inputs = list(tf.saved_model.load(folder).signatures["serving_default"].structured_input_signature[1])
    record_saved("keras2-gru", folder, {"serving_default": {inputs[0]: np.array([[1, 2, 3, 0, 19, 5], [7, 7, 8, 1, 0, 0]], np.int32)}})

# --- TensorFlow 1 ---------------------------------------------------------------------------------------------------------


def graph_outputs(session, outputs, feeds):
    return dict(zip(outputs, session.run(list(outputs.values()), feeds)))


def frozen(name, graph, session, inputs, outputs):
    definition = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [t.op.name for t in outputs])
    with open(f"{ROOT}/savedmodel/{name}.pb", "wb") as file:
        file.write(definition.SerializeToString())
    expect("savedmodel", name, {t.op.name: v for t, v in inputs.items()}, {t.op.name: v for t, v in zip(outputs, session.run(outputs, inputs))})


v1.disable_control_flow_v2()
with tf.Graph().as_default() as graph, v1.Session() as session:
    # A switch of training with a default, decided when the graph is read; variables that are values themselves.
    x = v1.placeholder(tf.float32, [None, 6, 6, 2], name="image")
    training = v1.placeholder_with_default(False, [], name="phase_train")
    w = v1.get_variable("conv/kernel", initializer=draw(16, 3, 3, 2, 4), use_resource=False)
    y = tf.nn.conv2d(x, w, 1, "SAME", name="conv/conv")
    y = v1.cond(training, lambda: tf.nn.dropout(y, 0.5), lambda: tf.nn.relu(y))
    b = v1.get_variable("head/bias", initializer=draw(17, 4), use_resource=False)
    y = tf.identity(tf.reduce_mean(y, [1, 2]) + b, name="head/logits")
    probabilities = tf.nn.softmax(y, name="head/probabilities")
    session.run(v1.global_variables_initializer())
    frozen("frozen-v1", graph, session, {x: draw(18, 2, 6, 6, 2)}, [probabilities])

with tf.Graph().as_default() as graph, v1.Session() as session:
    # A SavedModel of TensorFlow 1: variables that are values themselves, restored by operators at the top of the graph.
    x = v1.placeholder(tf.float32, [None, 5], name="features")
    w = v1.get_variable("layer/kernel", initializer=draw(19, 5, 3), use_resource=False)
    r = v1.get_variable("layer/bias", initializer=draw(20, 3), use_resource=True)
    y = tf.nn.elu(tf.matmul(x, w) + r, name="layer/out")
    session.run(v1.global_variables_initializer())
    feed = draw(21, 3, 5)
    with tempfile.TemporaryDirectory() as folder:
        shutil.rmtree(folder)
        v1.saved_model.simple_save(session, folder, {"x": x}, {"y": y})
        pack("savedmodel", "saved-v1", folder)
        os.makedirs(folder, exist_ok=True)
    expect("savedmodel", "saved-v1", {"x": feed}, {"y": session.run(y, {x: feed})})

with tf.Graph().as_default() as graph, v1.Session() as session:
    # A variable in pieces, which is refused.
    x = v1.placeholder(tf.float32, [None, 4], name="features")
    with v1.variable_scope("parts", partitioner=v1.fixed_size_partitioner(2), use_resource=True):
        w = v1.get_variable("kernel", [4, 3], initializer=v1.random_normal_initializer(seed=22))
    y = tf.matmul(x, tf.convert_to_tensor(w), name="out")
    session.run(v1.global_variables_initializer())
    with tempfile.TemporaryDirectory() as folder:
        shutil.rmtree(folder)
        v1.saved_model.simple_save(session, folder, {"x": x}, {"y": y})
        pack("savedmodel", "partitioned-v1", folder)
        os.makedirs(folder, exist_ok=True)

with tf.Graph().as_default() as graph, v1.Session() as session:
    # Loops in the form of TensorFlow 1, one inside the other, with a branch of two results in the inner one.
    x = v1.placeholder(tf.float32, [2], name="x")
    w = tf.constant(draw(24, 2))

    def inner(j, z):
        p, q = v1.cond(tf.reduce_sum(z) > 0.0, lambda: (z * w, tf.constant([0.5, 0.25])), lambda: (z - w, z + 1.0), name="choose")
        return j + 1, p + q / 4.0

    def outer(i, y):
        _, z = v1.while_loop(lambda j, z: j < i, inner, [tf.constant(0), y], name="inner")
        return i + 1, tf.tanh(z)

    _, y = v1.while_loop(lambda i, y: i < 4, outer, [tf.constant(0), x], name="outer")
    y = tf.identity(y, name="y")
    frozen("loop-v1", graph, session, {x: draw(23, 2)}, [y])

with tf.Graph().as_default() as graph, v1.Session() as session:
    # A recurrent layer in the form of TensorFlow 1: arrays of tensors that a loop reads and writes.
    x = v1.placeholder(tf.float32, [None, 5, 3], name="x")
    wx, wh = tf.constant(draw(25, 3, 4)), tf.constant(draw(26, 4, 4) / 2)
    steps = tf.transpose(x, [1, 0, 2])
    read = tf.TensorArray(tf.float32, 5, element_shape=[None, 3]).unstack(steps)
    write = tf.TensorArray(tf.float32, 5)
    zeros = tf.zeros([tf.shape(x)[0], 4])

    def step(t, h, out):
        h = tf.tanh(tf.matmul(read.read(t), wx) + tf.matmul(h, wh))
        return t + 1, h, out.write(t, h)

    _, h, out = v1.while_loop(lambda t, *_: t < 5, step, [tf.constant(0), zeros, write], name="rnn")
    sequence = tf.identity(tf.transpose(out.stack(), [1, 0, 2]), name="sequence")
    frozen("rnn-v1", graph, session, {x: draw(27, 2, 5, 3)}, [sequence, tf.identity(h, name="last")])
v1.enable_control_flow_v2()

# --- TensorFlow 2, frozen -------------------------------------------------------------------------------------------------


def freeze(name, function, feeds, lower):
    """`lower`: whether loops and branches become those of TensorFlow 1, which is what freezing does unless told otherwise."""
    concrete = convert_variables_to_constants_v2(function, lower_control_flow=lower)
    with open(f"{ROOT}/savedmodel/{name}.pb", "wb") as file:
        file.write(concrete.graph.as_graph_def().SerializeToString())
    [output] = function(**{k: tf.constant(v) for k, v in feeds.items()}).values()
    expect("savedmodel", name, {t.op.name: feeds[t.op.name] for t in concrete.inputs}, {"Identity": output.numpy()})


module = Control()
for name, lower in (("frozen-control", False), ("lowered-control", True)):
    freeze(name, module.serve.get_concrete_function(), {"x": draw(9, 2, 3), "turns": np.int32(4)}, lower)
tf_keras.utils.set_random_seed(3)
layers = tf_keras.Sequential([tf_keras.layers.Input((5, 3)), tf_keras.layers.LSTM(4, return_sequences=True)])
serve = tf.function(lambda x: {"y": layers(x)}).get_concrete_function(tf.TensorSpec([None, 5, 3], tf.float32, name="x"))
freeze("lowered-lstm", serve, {"x": draw(28, 2, 5, 3)}, True)

# --- TF.js ----------------------------------------------------------------------------------------------------------------


def quantize(array, kind):
    """As the converter does: the level of zero is nudged to a whole one where zero is in range."""
    if kind == "float16":
        return array.astype(np.float16), {"dtype": "float16", "original_dtype": "float32"}
    top = 255 if kind == "uint8" else 65535
    low, high = float(array.min()), float(array.max())
    if low == high:
        return np.zeros_like(array, dtype=kind), {"dtype": kind, "min": low, "scale": 1.0, "original_dtype": "float32"}
    scale = (high - low) / top
    if low <= 0 <= high:
        low = -round(-low / scale) * scale
    levels = np.clip(np.round((array - low) / scale), 0, top).astype(kind)
    return levels, {"dtype": kind, "min": low, "scale": scale, "original_dtype": "float32"}


def restore(levels, q):
    if q["dtype"] == "float16":
        return levels.astype(np.float32)
    return (levels.astype(np.float64) * q["scale"] + q["min"]).astype(np.float32)


def write_tfjs(name, concrete, inputs, outputs, feeds, quantized=None, shard=1 << 22):
    """A frozen function as a graph model: constants move into the weights, by the rules of `tensorflowjs_converter`."""
    graph = graph_pb2.GraphDef()
    graph.CopyFrom(concrete.graph.as_graph_def())
    specs, data = [], []
    groups = [graph.node] + [function.node_def for function in graph.library.function]
    for function in graph.library.function:
        prefix = function.signature.name
        constants = {node.name for node in function.node_def if node.op == "Const"}
        for node in function.node_def:
            if node.op == "Const":
                node.name = f"{prefix}/{node.name}"
            for at, each in enumerate(node.input):
                if each.split(":")[0] in constants:
                    node.input[at] = f"{prefix}/{each}"
        for key, ref in list(function.ret.items()):
            if ref.split(":")[0] in constants:
                function.ret[key] = f"{prefix}/{ref}"
    for nodes in groups:
        for node in nodes:
            if node.op != "Const":
                continue
            value = tf.make_ndarray(node.attr["value"].tensor)
            if value.dtype == np.int64:
                value = value.astype(np.int32)
            spec = {"name": node.name, "shape": list(value.shape), "dtype": {"float32": "float32", "int32": "int32", "bool": "bool"}[str(value.dtype)]}
            if value.dtype == np.float32 and quantized and value.size > 1:
                value, spec["quantization"] = quantize(value, quantized)
                restored = restore(value, spec["quantization"])
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(restored))
            specs.append(spec)
            data.append(value.tobytes())
    # What the graph computes with the weights as they are stored.
    def run(*args):
        return tf.graph_util.import_graph_def(graph, dict(zip(inputs.values(), args)), list(outputs.values()))

    if quantized:
        compute = v1.wrap_function(run, [tf.TensorSpec(np.shape(v), np.asarray(v).dtype) for v in feeds.values()])
        results = compute(*[tf.constant(v) for v in feeds.values()])
    else:
        results = concrete(**{k: tf.constant(v) for k, v in feeds.items()})
    expect("tfjs", name, feeds, {k: v.numpy() for k, v in zip(outputs, results)})
    for nodes in groups:
        for node in nodes:
            if node.op == "Const":
                for field in ("tensor_content", "float_val", "int_val", "int64_val", "bool_val"):
                    node.attr["value"].tensor.ClearField(field)
    info = lambda ref: {"name": ref, "dtype": None, "tensorShape": None}
    signature = {"inputs": {}, "outputs": {}}
    for side, refs in (("inputs", inputs), ("outputs", outputs)):
        for key, ref in refs.items():
            tensor = concrete.graph.get_tensor_by_name(ref)
            known = tensor.shape.rank is not None
            shape = {"dim": [{"size": str(-1 if d is None else d)} for d in tensor.shape.as_list()]} if known else {"unknownRank": True}
            signature[side][key] = {**info(ref), "dtype": f"DT_{tensor.dtype.name.upper().replace('FLOAT32', 'FLOAT')}", "tensorShape": shape}
    everything = b"".join(data)
    pieces = [everything[at : at + shard] for at in range(0, len(everything), shard)]
    paths = [f"group1-shard{at + 1}of{len(pieces)}.bin" for at in range(len(pieces))]
    document = {
        "format": "graph-model",
        "generatedBy": tf.__version__,
        "convertedBy": "record-savedmodel.py",
        "signature": signature,
        "modelTopology": json_format.MessageToDict(graph),
        "weightsManifest": [{"paths": paths, "weights": specs}],
    }
    with tempfile.TemporaryDirectory() as folder:
        for path, piece in zip(paths, pieces):
            with open(f"{folder}/{path}", "wb") as file:
                file.write(piece)
        with open(f"{folder}/model.json", "w") as file:
            json.dump(document, file)
        pack("tfjs", name, folder)


class Small(tf.Module):
    """A convolution, a depthwise one and a dense layer, with a constant that is not near zero."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(draw(30, 3, 3, 3, 8) / 5, name="conv/kernel")
        self.depthwise = tf.Variable(draw(31, 3, 3, 8, 1) / 3, name="depthwise/kernel")
        self.dense = tf.Variable(draw(32, 8, 4), name="dense/kernel")
        self.bias = tf.Variable(draw(33, 4), name="dense/bias")
        self.offset = tf.Variable(np.abs(draw(34, 1, 8)) + 1, name="offset")

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32, name="x")])
    def serve(self, x):
        y = tf.nn.relu6(tf.nn.conv2d(x, self.kernel, 2, "SAME"))
        y = tf.nn.depthwise_conv2d(y, self.depthwise, [1, 1, 1, 1], "SAME")
        y = tf.reshape(y, [-1, 16, 8])
        y = tf.reduce_mean(y, axis=1) * self.offset
        return {"p": tf.nn.softmax(tf.matmul(y, self.dense) + self.bias)}


module = Small()
concrete = convert_variables_to_constants_v2(module.serve.get_concrete_function(), lower_control_flow=False)
for kind in (None, "uint8", "uint16", "float16"):
    write_tfjs(
        f"small-{kind or 'float32'}",
        concrete,
        {"x": concrete.inputs[0].name},
        {"p": concrete.outputs[0].name},
        {"x": draw(35, 2, 8, 8, 3)},
        quantized=kind,
        shard=700 if kind is None else 1 << 22,
    )
module = Control()
for name, lower in (("control", False), ("lowered-control", True)):
    concrete = convert_variables_to_constants_v2(module.serve.get_concrete_function(), lower_control_flow=lower)
    write_tfjs(
        name,
        concrete,
        {"x": "x:0", "turns": "turns:0"},
        {"y": concrete.outputs[0].name},
        {"x": draw(9, 2, 3), "turns": np.int32(4)},
    )
