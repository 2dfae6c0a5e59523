"""Makes the small .tflite models under fixtures/formats/tflite and records what tf.lite.Interpreter makes of them.

Run with a Python that has TensorFlow (2.21 was used):  python scripts/reference/formats/record-tflite.py [NAME ...]
Each NAME.tflite has its inputs and outputs beside it in NAME.expected.json. TensorFlow is needed to record, never to test.
"""

import base64
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# Keras 2 marks its LSTM so that the converter makes one operator of it.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

OUT = pathlib.Path(__file__).resolve().parents[3] / "fixtures" / "formats" / "tflite"
DTYPES = {"float32": "f32", "int32": "i32", "int64": "i64", "int8": "i8", "uint8": "u8", "int16": "i16", "bool": "bool"}
rng = np.random.default_rng(4)
CASES = {}


def case(make):
    CASES[make.__name__.rstrip("_")] = make
    return make


def real(*shape, low=-2.0, high=2.0):
    return rng.uniform(low, high, shape).astype(np.float32)


def spec(*shape, dtype=tf.float32, name=None):
    return tf.TensorSpec(shape, dtype, name=name)


def convert(function, specs, **settings):
    concrete = tf.function(function, input_signature=specs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], function)
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


def record(name, model, inputs, kernels=None, run=None):
    """`inputs`: arrays in the order of the model's inputs. `run`: the model to expect the outputs of, where it is another."""
    options = {} if kernels is None else {"experimental_op_resolver_type": kernels}
    interpreter = tf.lite.Interpreter(model_content=run or model, **options)
    details = interpreter.get_input_details()
    for detail, array in zip(details, inputs):
        if tuple(detail["shape"]) != array.shape:
            interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    for detail, array in zip(details, inputs):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    outputs = {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}
    (OUT / f"{name}.tflite").write_bytes(model)
    facts = {
        "inputs": {d["name"]: packed(a) for d, a in zip(details, inputs)},
        "outputs": {n: packed(a) for n, a in outputs.items()},
    }
    (OUT / f"{name}.expected.json").write_text(json.dumps(facts))


def packed(array):
    array = np.asarray(array)
    return {
        "dtype": DTYPES[str(array.dtype)],
        "shape": list(array.shape),
        "data": base64.b64encode(array.tobytes()).decode(),
    }


# --- operators on reals -----------------------------------------------------------------------------------------------------


@case
def unary(name):
    def f(x):
        p = tf.abs(x) + 0.1
        return [
            tf.abs(x), -x, tf.exp(x), tf.math.log(p), tf.sin(x), tf.cos(x), tf.sqrt(p), tf.math.rsqrt(p), tf.square(x),
            tf.floor(x), tf.math.ceil(x), tf.round(x * 2), tf.sign(x), tf.sigmoid(x), tf.tanh(x), tf.nn.relu(x), tf.nn.relu6(x * 5),
            tf.nn.elu(x), tf.nn.leaky_relu(x, 0.3), tf.nn.softmax(x), tf.nn.log_softmax(x), tf.nn.softmax(x * 1.5),
            x * tf.nn.relu6(x + 3) / 6, tf.clip_by_value(x, -1.0, 1.0), tf.clip_by_value(x, 0.0, 1.0), tf.zeros_like(x),
        ]  # fmt: skip

    x = real(2, 3, 4)
    x[0, 0] = [0.25, 0.75, -0.25, -1.25]  # halves of 2x, where rounding modes differ
    record(name, convert(f, [spec(2, 3, 4)]), [x])


@case
def gelu(name):
    # The converter knows no pattern for it: two sines become the two forms.
    def edit(tables):
        for at, operator in enumerate(tables.subgraphs[0].operators):
            operator.builtinOptionsType = schema.BuiltinOptions.GeluOptions
            operator.builtinOptions = schema.GeluOptionsT()
            operator.builtinOptions.approximate = at == 0
        code = tables.operatorCodes[0]
        code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.GELU, 127

    model = edited(convert(lambda x, y: [tf.sin(x), tf.sin(y)], [spec(2, 5), spec(2, 5)]), edit)
    record(name, model, [real(2, 5), real(2, 5)])


@case
def binary(name):
    def f(a, b):
        return [
            a + b, a - b, a * b, a / b, tf.maximum(a, b), tf.minimum(a, b), tf.pow(tf.abs(a), b), tf.math.squared_difference(a, b),
            tf.math.floordiv(a, b), tf.math.floormod(a, b), tf.nn.relu(a + b), tf.nn.relu6(a * b),
            a > b, a >= b, a < b, a <= b, tf.equal(a, a + 0 * b), tf.not_equal(a, b), tf.where(a > b, a, b + 0 * a),
            tf.logical_and(a > 0, b > 0), tf.logical_or(a > 0, b > 0), tf.logical_not(a > b), tf.add_n([a, a, a]),
        ]  # fmt: skip

    record(name, convert(f, [spec(2, 3, 4), spec(4)]), [real(2, 3, 4), real(4)])


@case
def integers(name):
    def f(a, b):
        return [
            a + b, a - b, a * b, tf.math.floordiv(a, b), tf.math.floormod(a, b), tf.maximum(a, b), tf.abs(a), -a,
            tf.cast(a, tf.float32), tf.cast(tf.cast(a, tf.float32) / 3, tf.int32), tf.cast(a > b, tf.int32),
            tf.reduce_sum(a, 0), tf.reduce_max(a, 0), tf.cast(a, tf.int64),
        ]  # fmt: skip

    a, b = np.array([7, -7, 8, -8, 9], np.int32), np.array([2, 2, -3, -3, 5], np.int32)
    record(name, convert(f, [spec(5, dtype=tf.int32), spec(5, dtype=tf.int32)]), [a, b])


@case
def select(name):
    # The first form of select: one condition for each row.
    f = lambda c, a, b: tf.raw_ops.Select(condition=c > 0, x=a, y=b)
    record(name, convert(f, [spec(3), spec(3, 2, 2), spec(3, 2, 2)]), [real(3), real(3, 2, 2), real(3, 2, 2)])


@case
def convolutions(name):
    w1, w2, w3 = real(3, 3, 4, 6), real(2, 3, 6, 5), real(3, 3, 2, 4)
    b1 = real(6)

    def f(x):
        a = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, w1, 1, "SAME"), b1))
        b = tf.nn.conv2d(a, w2, [1, 2, 1, 1], "VALID")
        c = tf.nn.relu6(tf.nn.conv2d(x, w1, 2, "SAME"))
        d = tf.nn.conv2d(x, w1, 1, "SAME", dilations=2)
        e = tf.nn.conv2d(x, w3, 1, "SAME")  # two groups
        return [a, b, c, d, e, tf.clip_by_value(tf.nn.conv2d(x, w1, 1, "VALID"), -1, 1)]

    record(name, convert(f, [spec(1, 7, 8, 4)]), [real(1, 7, 8, 4)])


@case
def depthwise(name):
    w1, w2, b = real(3, 3, 4, 1), real(3, 2, 4, 2), real(4)

    def f(x):
        a = tf.nn.relu6(tf.nn.bias_add(tf.nn.depthwise_conv2d(x, w1, [1, 1, 1, 1], "SAME"), b))
        return [a, tf.nn.depthwise_conv2d(a, w2, [1, 2, 2, 1], "SAME"), tf.nn.depthwise_conv2d(x, w1, [1, 1, 1, 1], "SAME", dilations=[2, 2])]

    record(name, convert(f, [spec(1, 7, 8, 4)]), [real(1, 7, 8, 4)])


@case
def transposed(name):
    w, v, b = real(3, 3, 5, 4), real(2, 2, 5, 4), real(5)

    def f(x):
        a = tf.nn.bias_add(tf.nn.conv2d_transpose(x, w, [1, 8, 10, 5], [1, 2, 2, 1], "SAME"), b)
        c = tf.nn.conv2d_transpose(x, w, [1, 9, 11, 5], [1, 2, 2, 1], "VALID")
        d = tf.nn.conv2d_transpose(x, v, [1, 8, 10, 5], [1, 2, 2, 1], "VALID")
        return [a, c, d, tf.nn.conv2d_transpose(x, w, [1, 7, 9, 5], [1, 2, 2, 1], "SAME")]

    record(name, convert(f, [spec(1, 4, 5, 4)]), [real(1, 4, 5, 4)])


@case
def conv3d(name):
    w = real(2, 3, 3, 2, 4)
    f = lambda x: [tf.nn.conv3d(x, w, [1, 1, 2, 1, 1], "SAME"), tf.nn.conv3d(x, w, [1, 1, 1, 1, 1], "VALID")]
    record(name, convert(f, [spec(1, 4, 5, 6, 2)]), [real(1, 4, 5, 6, 2)])


@case
def pooling(name):
    def f(x):
        return [
            tf.nn.max_pool2d(x, 3, 2, "SAME"), tf.nn.max_pool2d(x, 2, 2, "VALID"), tf.nn.avg_pool2d(x, 3, 2, "SAME"),
            tf.nn.avg_pool2d(x, [2, 3], 1, "VALID"), tf.nn.relu(tf.nn.avg_pool2d(x, 3, 1, "SAME")),
        ]  # fmt: skip

    record(name, convert(f, [spec(1, 7, 8, 3)]), [real(1, 7, 8, 3)])


@case
def matrices(name):
    w, b = real(6, 5), real(5)

    def f(x, y):
        flat = tf.reshape(x, [4, 6])
        return [
            tf.nn.relu(tf.matmul(flat, w) + b), tf.matmul(flat, w), tf.tensordot(x, w, 1) + b,
            tf.matmul(x, y, transpose_b=True), tf.matmul(x, y, transpose_a=True), tf.matmul(x, tf.transpose(y, [0, 2, 1])),
        ]  # fmt: skip

    record(name, convert(f, [spec(2, 2, 6), spec(2, 2, 6)]), [real(2, 2, 6), real(2, 2, 6)])


@case
def resizing(name):
    v1 = tf.compat.v1.image

    def f(x):
        out = []
        for resize in (tf.raw_ops.ResizeBilinear, tf.raw_ops.ResizeNearestNeighbor):
            for size in ([7, 9], [2, 3]):
                for aligned, half in ((False, False), (True, False), (False, True)):
                    out.append(resize(images=x, size=size, align_corners=aligned, half_pixel_centers=half))
        return out

    record(name, convert(f, [spec(1, 4, 5, 2)]), [real(1, 4, 5, 2)])


@case
def reductions(name):
    def f(x):
        return [
            tf.reduce_mean(x, [1, 2]), tf.reduce_mean(x, [1, 2], keepdims=True), tf.reduce_sum(x, -1), tf.reduce_max(x, [0, 3]),
            tf.reduce_min(x, 1), tf.reduce_prod(x, 2), tf.reduce_any(x > 1, 1), tf.reduce_all(x > -1.5, 1, keepdims=True),
            tf.argmax(x, -1), tf.argmin(x, 1, output_type=tf.int32), *tf.math.top_k(x, 3), tf.cumsum(x, 1),
            tf.cumsum(x, 2, exclusive=True, reverse=True), tf.math.l2_normalize(x, -1), tf.nn.lrn(x, 2, 1.5, 0.3, 0.6),
        ]  # fmt: skip

    record(name, convert(f, [spec(1, 3, 4, 5)]), [real(1, 3, 4, 5)])


@case
def arranging(name):
    def f(x):
        a, b = tf.split(x, 2, 1)
        c, d, e = tf.split(x, [1, 2, 1], 2)
        return [
            tf.reshape(x, [2, 16]), tf.transpose(x, [2, 0, 1]), tf.expand_dims(x, 1), tf.squeeze(tf.expand_dims(x, 0)),
            tf.concat([x, x * 2], -1), tf.stack([a, b], 1), *tf.unstack(x, axis=1), a + b, c + e, d * 2, tf.tile(x, [1, 2, 1]),
            tf.broadcast_to(x[:, :1, :], [2, 5, 4]), tf.pad(x, [[1, 0], [0, 2], [1, 1]]),
            tf.pad(x, [[0, 1], [2, 0], [0, 0]], constant_values=3.5), tf.pad(x, [[0, 0], [1, 2], [1, 1]], "REFLECT"),
            tf.pad(x, [[1, 2], [0, 2], [1, 1]], "SYMMETRIC"), tf.reverse(x, [1, 2]),
            tf.reverse_sequence(x, [1, 3], seq_axis=1, batch_axis=0), tf.reverse_sequence(x, [1, 2, 2, 1], seq_axis=0, batch_axis=2),
        ]  # fmt: skip

    record(name, convert(f, [spec(2, 4, 4)]), [real(2, 4, 4)])


@case
def slicing(name):
    def f(x, i):
        return [
            x[:, 1:3], x[0], x[..., -1], x[:, ::-1, 1:], x[tf.newaxis, :, 1], x[-1, ..., tf.newaxis], x[1:, 0, ::2], x[:, -2:, :-1],
            tf.slice(x, [0, 1, 0], [-1, 2, 3]), x[:, i[0]], x[:, i[0] : i[1]], tf.slice(x, [0, i[0], 0], [2, i[1], -1]),
        ]  # fmt: skip

    record(name, convert(f, [spec(2, 4, 4), spec(2, dtype=tf.int32)]), [real(2, 4, 4), np.array([1, 2], np.int32)])


@case
def gathering(name):
    table = real(6, 3)

    def f(x, i, j):
        return [
            tf.gather(x, i), tf.gather(x, i, axis=1), tf.gather(x, [2, 0], axis=2), tf.gather(x, j, axis=1, batch_dims=1),
            tf.gather(x, j, axis=2, batch_dims=1), tf.gather_nd(x, tf.stack([j[:, 0], j[:, 1]], 1)), tf.nn.embedding_lookup(table, i),
            tf.one_hot(i - 1, 3), tf.one_hot(j, 4, on_value=2.0, off_value=-1.0, axis=1), tf.scatter_nd(tf.expand_dims(i, 1), x[0, :3], [4, 3]),
            tf.fill([2, 3], x[0, 0, 0]), tf.cast(tf.range(i[0], i[0] + 4, 2), tf.float32),
        ]  # fmt: skip

    i, j = np.array([1, 0, 2], np.int32), np.array([[1, 0], [1, 1], [0, 2]], np.int32)
    record(name, convert(f, [spec(3, 3, 3), spec(3, dtype=tf.int32), spec(3, 2, dtype=tf.int32)]), [real(3, 3, 3), i, j])


@case
def where(name):
    record(name, convert(lambda x: tf.where(x > 0), [spec(3, 4)]), [real(3, 4)])


@case
def blocks(name):
    def f(x):
        return [
            tf.nn.space_to_depth(x, 2), tf.nn.depth_to_space(x, 2), tf.space_to_batch(x, [2, 2], [[0, 0], [1, 1]]),
            tf.batch_to_space(tf.concat([x, x * 2, x * 3, x * 4], 0), [2, 2], [[1, 0], [0, 2]]),
        ]  # fmt: skip

    record(name, convert(f, [spec(1, 4, 6, 8)]), [real(1, 4, 6, 8)])


@case
def prelu(name):
    alpha = real(4)
    layer = tf.keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer=tf.constant_initializer(alpha.tolist()))
    layer.build((None, 3, 3, 4))
    record(name, convert(lambda x: layer(x), [spec(1, 3, 3, 4)]), [real(1, 3, 3, 4)])


@case
def spectrum(name):
    def f(x):
        s = tf.signal.rfft(x, [16])
        return [tf.abs(s), tf.math.real(s), tf.math.imag(s), tf.abs(tf.signal.rfft(x, [8]))]

    record(name, convert(f, [spec(3, 16)]), [real(3, 16)])


@case
def shapes(name):
    # The batch is left open, and shapes follow from it.
    w = real(12, 5)

    def f(x):
        n = tf.shape(x)[0]
        flat = tf.reshape(x, [n, 12])
        return [tf.matmul(flat, w), tf.reshape(x, [n, 6, 2]), tf.reshape(x, [-1, 4]), tf.zeros([n, 2]) + flat[:, :2], tf.cast(tf.shape(x), tf.float32)]

    record(name, convert(f, [spec(None, 3, 4)]), [real(3, 3, 4)])


@case
def dynamic_batch(name):
    model = tf.keras.Sequential([
        tf.keras.layers.Input((8, 8, 3)), tf.keras.layers.Conv2D(4, 3, 2, "same", activation="relu"), tf.keras.layers.BatchNormalization(),
        tf.keras.layers.MaxPool2D(2), tf.keras.layers.Flatten(), tf.keras.layers.Dense(5, activation="softmax"),
    ])  # fmt: skip
    record(name, tf.lite.TFLiteConverter.from_keras_model(model).convert(), [real(3, 8, 8, 3)])


# --- layers with state, branches, entry points ------------------------------------------------------------------------------


def keras(layers, shape, batch=1):
    inputs = tf.keras.Input(shape, batch_size=batch)
    x = inputs
    for layer in layers:
        x = layer(x)
    return tf.keras.Model(inputs, x)


def recurrent(layer, shape, **settings):
    model = keras([layer], shape)
    for weight in model.weights:
        weight.assign(rng.uniform(-0.6, 0.6, weight.shape))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    for key, value in settings.items():
        setattr(converter, key, value)
    return converter.convert()


@case
def lstm(name):
    record(name, recurrent(tf.keras.layers.LSTM(6, return_sequences=True), (5, 4)), [real(1, 5, 4)])


@case
def lstm_dynamic(name):
    model = recurrent(tf.keras.layers.LSTM(32, return_sequences=True), (5, 40), optimizations=[tf.lite.Optimize.DEFAULT])
    record(name, model, [real(1, 5, 40)], run=widened(model))


@case
def lstm_both_ways(name):
    layer = tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(4, return_sequences=True))
    record(name, recurrent(layer, (5, 3)), [real(1, 5, 3)])


@case
def gru(name):
    record(name, recurrent(tf.keras.layers.GRU(4, return_sequences=True), (5, 3)), [real(1, 5, 3)])


@case
def loop(name):
    def f(x, n):
        i, y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.tanh(y * 2 + tf.cast(i, tf.float32))), [tf.constant(0), x])
        return [y, i]

    record(name, convert(f, [spec(2, 3), spec(dtype=tf.int32)]), [real(2, 3), np.array(4, np.int32)])


@case
def branch(name):
    def f(x, c):
        return tf.cond(c > 0, lambda: tf.sin(x) + 1, lambda: tf.reduce_sum(x) * tf.cos(x))

    model = convert(f, [spec(2, 3), spec()])
    record(name, model, [real(2, 3), np.array(1, np.float32)])
    record(name + "_else", model, [real(2, 3), np.array(-1, np.float32)])


@case
def signatures(name):
    class Module(tf.Module):
        w = tf.constant(real(3, 2))

        @tf.function(input_signature=[spec(2, 3, name="x")])
        def encode(self, x):
            return {"code": tf.matmul(x, self.w)}

        @tf.function(input_signature=[spec(2, 2, name="code")])
        def decode(self, code):
            return {"x": tf.matmul(code, self.w, transpose_b=True), "twice": code * 2}

    module = Module()
    path = "/tmp/pare-signatures"
    tf.saved_model.save(module, path, signatures={"encode": module.encode, "decode": module.decode})
    model = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["encode", "decode"]).convert()
    x, code = real(2, 3), real(2, 2)
    interpreter = tf.lite.Interpreter(model_content=model)
    facts = {}
    for key, given in (("encode", {"x": x}), ("decode", {"code": code})):
        outputs = interpreter.get_signature_runner(key)(**given)
        facts[key] = {"inputs": {n: packed(a) for n, a in given.items()}, "outputs": {n: packed(a) for n, a in outputs.items()}}
    (OUT / f"{name}.tflite").write_bytes(model)
    (OUT / f"{name}.expected.json").write_text(json.dumps(facts))


# --- integers that stand for reals ------------------------------------------------------------------------------------------


def network():
    """A small network of the layers that quantizers know."""
    i = tf.keras.Input((12, 12, 3), batch_size=1)
    x = tf.keras.layers.Conv2D(8, 3, 2, "same", activation="relu6")(i)
    x = tf.keras.layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    y = tf.keras.layers.Conv2D(8, 1)(x)
    x = tf.keras.layers.Add()([x, y])
    x = tf.keras.layers.AveragePooling2D(2, padding="same")(x)
    x = tf.keras.layers.Concatenate()([x, tf.keras.layers.Conv2D(4, 3, padding="same", activation="tanh")(x)])
    x = tf.keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    x = tf.keras.layers.Flatten()(x)
    x = tf.keras.layers.Dense(10, activation="sigmoid")(x)
    model = tf.keras.Model(i, tf.keras.layers.Dense(6, activation="softmax")(x))
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


def samples(*shape, count=20):
    def feed():
        for _ in range(count):
            yield [real(*shape)]

    return feed


def quantized(model, shape, **settings):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    for key, value in settings.items():
        if key == "ops":
            converter.target_spec.supported_ops = value
        elif key == "types":
            converter.target_spec.supported_types = value
        else:
            setattr(converter, key, value)
    return converter.convert()


INT8 = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
INT16 = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]


@case
def network_int8(name):
    shape = (1, 12, 12, 3)
    model = quantized(network(), shape, ops=INT8, representative_dataset=samples(*shape), inference_input_type=tf.int8, inference_output_type=tf.int8)
    record(name, model, [rng.integers(-128, 128, shape).astype(np.int8)])


@case
def network_uint8_ends(name):
    shape = (1, 12, 12, 3)
    model = quantized(network(), shape, ops=INT8, representative_dataset=samples(*shape), inference_input_type=tf.uint8, inference_output_type=tf.uint8)
    record(name, model, [rng.integers(0, 256, shape).astype(np.uint8)])


@case
def network_float_ends(name):
    shape = (1, 12, 12, 3)
    record(name, quantized(network(), shape, ops=INT8, representative_dataset=samples(*shape)), [real(*shape)])


@case
def network_int16(name):
    shape = (1, 12, 12, 3)
    model = quantized(network(), shape, ops=INT16, representative_dataset=samples(*shape), inference_input_type=tf.int16, inference_output_type=tf.int16)
    record(name, model, [rng.integers(-32768, 32768, shape).astype(np.int16)])


@case
def network_half(name):
    record(name, quantized(network(), (1, 12, 12, 3), types=[tf.float16]), [real(1, 12, 12, 3)])


def wide():
    """Weights of more than 1024 elements: smaller ones are not quantized alone."""
    i = tf.keras.Input((6, 6, 16), batch_size=1)
    x = tf.keras.layers.Conv2D(16, 3, padding="same", activation="relu")(i)
    x = tf.keras.layers.Flatten()(x)
    model = tf.keras.Model(i, tf.keras.layers.Dense(8)(x))
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.2, weight.shape))
    return model


@case
def network_dynamic(name):
    model = quantized(wide(), (1, 6, 6, 16))
    record(name, model, [real(1, 6, 6, 16)], run=widened(model))


def int8_function(name, f, shapes):
    """One function, its inputs, outputs and all between on int8 grids."""
    specs = [spec(*shape) for shape in shapes]
    concrete = tf.function(f, input_signature=specs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], f)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]

    def feed():
        for _ in range(20):
            yield [real(*shape) for shape in shapes]

    converter.representative_dataset = feed
    converter.target_spec.supported_ops = INT8
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    record(name, converter.convert(), [rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes])


@case
def int8_elementwise(name):
    def f(a, b):
        return [
            a + b, a - b, a * b, tf.maximum(a, b), tf.minimum(a, b), tf.nn.relu(a), tf.nn.relu6(a * 2), tf.nn.leaky_relu(a, 0.2), tf.sigmoid(a), tf.tanh(a),
            a * tf.nn.relu6(a + 3) / 6, tf.nn.elu(a), tf.abs(a), tf.exp(a), tf.math.squared_difference(a, b),
        ]  # fmt: skip

    int8_function(name, f, [(1, 6, 6, 4), (1, 6, 6, 4)])


@case
def int8_pooling(name):
    def f(x):
        return [
            tf.nn.avg_pool2d(x, 2, 2, "VALID"), tf.nn.avg_pool2d(x, 3, 1, "SAME"), tf.nn.avg_pool2d(x, 4, 2, "SAME"), tf.nn.max_pool2d(x, 3, 2, "SAME"),
            tf.reduce_mean(x, [1, 2]), tf.reduce_mean(x, 3), tf.reduce_sum(x, [1, 2]), tf.reduce_max(x, [1, 2]), tf.nn.relu(tf.nn.avg_pool2d(x, 2, 1, "VALID")),
        ]  # fmt: skip

    int8_function(name, f, [(1, 8, 8, 4)])


@case
def int8_arranging(name):
    def f(x, y):
        a, b = tf.split(x, 2, 3)
        return [
            tf.concat([x, y * 3], 3), tf.transpose(x, [0, 3, 1, 2]), tf.pad(x, [[0, 0], [1, 1], [2, 0], [0, 0]]), x[:, 1:5:2, ::-1], a - b,
            tf.stack([a, b], 1), tf.raw_ops.ResizeBilinear(images=x, size=[12, 9], half_pixel_centers=True),
            tf.raw_ops.ResizeNearestNeighbor(images=x, size=[12, 12]), tf.gather(x, [3, 0], axis=1), tf.nn.space_to_depth(x, 2), tf.reshape(x, [4, 36]),
            tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC"),
        ]  # fmt: skip

    int8_function(name, f, [(1, 6, 6, 4), (1, 6, 6, 4)])


@case
def int8_matrices(name):
    w, b, t = real(8, 6), real(6), real(3, 3, 5, 4)

    def f(x, y, z):
        return [
            tf.nn.relu(tf.matmul(x, w) + b), tf.matmul(x, y, transpose_b=True), tf.nn.softmax(x), tf.nn.log_softmax(x), tf.math.l2_normalize(x, -1),
            tf.nn.conv2d_transpose(z, t, [1, 8, 8, 5], [1, 2, 2, 1], "SAME"),
        ]  # fmt: skip

    int8_function(name, f, [(5, 8), (7, 8), (1, 4, 4, 4)])


# --- forms that converters do not write, made from those that they do -------------------------------------------------------


def edited(model, edit):
    tables = schema.ModelT.InitFromPackedBuf(model, 0)
    edit(tables)
    builder = flatbuffers.Builder(1024)
    builder.Finish(tables.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def widened(model):
    """The same model with its weights as reals: what integers stand for, without the rounding of activations to levels at run time."""

    def edit(tables):
        for tensor in tables.subgraphs[0].tensors:
            data = tables.buffers[tensor.buffer].data
            if tensor.type != schema.TensorType.INT8 or data is None:
                continue
            levels = np.frombuffer(bytes(data), np.int8).reshape(tensor.shape).astype(np.float32)
            scale = np.array(tensor.quantization.scale, np.float32)
            axes = [1] * levels.ndim
            axes[tensor.quantization.quantizedDimension if len(scale) > 1 else 0] = len(scale)
            buffer = schema.BufferT()
            buffer.data = list((levels * scale.reshape(axes)).astype(np.float32).tobytes())
            tables.buffers.append(buffer)
            tensor.buffer, tensor.type, tensor.quantization = len(tables.buffers) - 1, schema.TensorType.FLOAT32, None

    return edited(model, edit)


def dense(rows, inner, weights=None):
    w = real(inner, rows, low=-1, high=1) if weights is None else weights
    return convert(lambda x: tf.matmul(x, w), [spec(2, inner)])


def weight_of(tables):
    graph = tables.subgraphs[0]
    operator = next(o for o in graph.operators if tables.operatorCodes[o.opcodeIndex].builtinCode == 9)
    index = operator.inputs[1]
    return graph, operator, index, graph.tensors[index]


def nibbles(levels):
    flat = levels.astype(np.int64).ravel() & 15
    flat = np.append(flat, 0) if len(flat) % 2 else flat
    return (flat[0::2] | (flat[1::2] << 4)).astype(np.uint8)


@case
def dense_int4(name):
    """4-bit weights for each row, widened before they are multiplied."""

    def edit(tables):
        graph, operator, index, tensor = weight_of(tables)
        w = np.frombuffer(bytes(tables.buffers[tensor.buffer].data), np.float32).reshape(tensor.shape)
        scale = np.abs(w).max(1) / 7
        tables.buffers[tensor.buffer].data = list(nibbles(np.clip(np.round(w / scale[:, None]), -7, 7)))
        tensor.type = schema.TensorType.INT4
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [float(s) for s in scale]
        tensor.quantization.zeroPoint = [0] * len(scale)
        tensor.quantization.quantizedDimension = 0
        real_tensor = schema.TensorT()
        real_tensor.shape, real_tensor.type, real_tensor.buffer, real_tensor.name = tensor.shape, 0, 0, b"widened"
        graph.tensors.append(real_tensor)
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
        code.version = 6
        tables.operatorCodes.append(code)
        widen = schema.OperatorT()
        widen.opcodeIndex = len(tables.operatorCodes) - 1
        widen.inputs, widen.outputs = [index], [len(graph.tensors) - 1]
        widen.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
        widen.builtinOptions = schema.DequantizeOptionsT()
        operator.inputs = [operator.inputs[0], len(graph.tensors) - 1, *operator.inputs[2:]]
        graph.operators.insert(0, widen)

    record(name, edited(dense(6, 9), edit), [real(2, 9)])


@case
def dense_blocks(name):
    """4-bit weights with a scale for each 32 of a row."""

    def edit(tables):
        graph, operator, index, tensor = weight_of(tables)
        w = np.frombuffer(bytes(tables.buffers[tensor.buffer].data), np.float32).reshape(tensor.shape)
        blocks = w.reshape(w.shape[0], -1, 32)
        # bfloat16 values, as the kernels keep them.
        scale = (np.abs(blocks).max(2) / 7).astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        scale = scale.view(np.float32)
        levels = np.clip(np.round(blocks / scale[:, :, None]), -7, 7)
        tables.buffers[tensor.buffer].data = list(nibbles(levels))
        reals.append((levels * scale[:, :, None]).reshape(w.shape).astype(np.float32))
        buffer = schema.BufferT()
        buffer.data = list(scale.astype(np.float16).tobytes())
        tables.buffers.append(buffer)
        scales = schema.TensorT()
        scales.shape, scales.type, scales.buffer, scales.name = list(scale.shape), schema.TensorType.FLOAT16, len(tables.buffers) - 1, b"scales"
        graph.tensors.append(scales)
        tensor.type = schema.TensorType.INT4
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.detailsType = schema.QuantizationDetails.BlockwiseQuantization
        details = schema.BlockwiseQuantizationT()
        details.scales, details.zeroPoints, details.blockSize = len(graph.tensors) - 1, -1, 32
        tensor.quantization.details = details
        for code in tables.operatorCodes:
            code.version = 14 if code.builtinCode == 9 else code.version

    # The kernel rounds activations to levels at run time: what the weights stand for is expected, without that.
    reals = []
    model = edited(dense(6, 64), edit)
    record(name, model, [real(2, 64)], run=dense(6, 64, reals[0].T))


@case
def dense_sparse(name):
    """Weights of which only those that are not zero are stored."""
    w = real(16, 8)
    w[rng.uniform(size=w.shape) < 0.8] = 0
    model = tf.keras.Sequential([tf.keras.Input((16,), batch_size=2), tf.keras.layers.Dense(8, use_bias=False)])
    model.layers[-1].kernel.assign(w)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    record(name, converter.convert(), [real(2, 16)])


@case
def dense_outside(name):
    """Weights behind the tables, as files above 2 GB have them."""
    model = dense(66, 64)  # more elements than are read ahead
    tables = schema.ModelT.InitFromPackedBuf(model, 0)
    blobs = {}
    for at, buffer in enumerate(tables.buffers):
        if buffer.data is not None and len(buffer.data) > 100:
            blobs[at], buffer.data, buffer.offset, buffer.size = bytes(buffer.data), None, 2, 2

    def packed_model():
        builder = flatbuffers.Builder(1024)
        builder.Finish(tables.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    end = len(packed_model())
    tail = b""
    for at, blob in blobs.items():
        tail += b"\0" * (-(end + len(tail)) % 16)
        tables.buffers[at].offset, tables.buffers[at].size = end + len(tail), len(blob)
        tail += blob
    assert len(packed_model()) == end
    record(name, packed_model() + tail, [real(2, 64)])


@case
def custom(name):
    """An operator that no runtime knows, in the middle of others. There is nothing to run, so nothing to expect."""

    def edit(tables):
        code = next(c for c in tables.operatorCodes if c.builtinCode == schema.BuiltinOperator.SIN)
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = b"HomeMade"
        for o in tables.subgraphs[0].operators:
            if tables.operatorCodes[o.opcodeIndex] is code:
                o.builtinOptionsType, o.builtinOptions, o.customOptions = 0, None, list(b"its own settings")

    w = real(4, 3)
    model = edited(convert(lambda x: tf.tanh(tf.sin(tf.matmul(x, w))), [spec(2, 4)]), edit)
    (OUT / f"{name}.tflite").write_bytes(model)


# --- operators that converters no longer write, alone in a model ------------------------------------------------------------

TYPES = {"float32": 0, "int32": 2, "uint8": 3, "bool": 6, "int8": 9}


def alone(name, code, inputs, outputs, options=None, grids=None, variables=(), runs=True):
    """One operator. `inputs`: None (left out), a shape (an input of the model), or an array (a constant). `outputs`: shapes."""
    graph, tables = schema.SubGraphT(), schema.ModelT()
    graph.tensors, graph.inputs, graph.outputs, tables.buffers = [], [], [], [schema.BufferT()]
    operator = schema.OperatorT()
    operator.inputs, operator.outputs, operator.opcodeIndex = [], [], 0

    def add(shape, dtype, label, data=None, grid=None):
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.name, tensor.buffer = list(shape), TYPES[dtype], label.encode(), 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = list(data.tobytes())
            tables.buffers.append(buffer)
            tensor.buffer = len(tables.buffers) - 1
        if grid is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [grid[0]], [grid[1]]
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    grids = grids or {}
    for at, given in enumerate(inputs):
        if given is None:
            operator.inputs.append(-1)
        elif isinstance(given, np.ndarray):
            operator.inputs.append(add(given.shape, str(given.dtype), f"constant_{at}", given, grids.get(at)))
        elif at in variables:
            operator.inputs.append(add(given, "float32", f"state_{at}"))
            graph.tensors[-1].isVariable = True
        else:
            shape, dtype = given if isinstance(given[0], tuple) else (given, "float32")
            operator.inputs.append(add(shape, dtype, f"x{at}", grid=grids.get(at)))
            graph.inputs.append(operator.inputs[-1])
    for at, given in enumerate(outputs):
        shape, dtype = given if isinstance(given[0], tuple) else (given, "float32")
        operator.outputs.append(add(shape, dtype, f"y{at}", grid=grids.get(-1)))
    graph.outputs = list(operator.outputs)
    if options is not None:
        kind, fields = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        operator.builtinOptions = getattr(schema, kind + "T")()
        for key, value in fields.items():
            setattr(operator.builtinOptions, key, value)
    graph.operators = [operator]
    entry = schema.OperatorCodeT()
    entry.builtinCode = getattr(schema.BuiltinOperator, code)
    entry.deprecatedBuiltinCode, entry.version = min(entry.builtinCode, 127), 1
    tables.version, tables.operatorCodes, tables.subgraphs = 3, [entry], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(tables.Pack(builder), b"TFL3")
    model = bytes(builder.Output())
    if not runs:
        return model
    feeds = []
    for index in graph.inputs:
        tensor = graph.tensors[index]
        kind = next(k for k, v in TYPES.items() if v == tensor.type)
        feeds.append(rng.integers(0, 3, tensor.shape).astype(kind) if kind != "float32" else real(*tensor.shape))
        if kind in ("uint8", "int8"):
            feeds[-1] = rng.integers(0 if kind == "uint8" else -128, 256 if kind == "uint8" else 128, tensor.shape).astype(kind)
    record(name, model, feeds)


def gates(units, inner, count=4):
    return [real(units, inner, low=-0.6, high=0.6) for _ in range(count)]


@case
def both_ways(name):
    def way():
        return [*gates(3, 4), *gates(3, 3), None, None, None, *[real(3) for _ in range(4)], None, None]

    for suffix, merged in (("", False), ("_merged", True)):
        inputs = [(1, 5, 4), *way(), *way(), (1, 3), (1, 3), (1, 3), (1, 3), *[None] * 9]
        fields = {"fusedActivationFunction": 4, "mergeOutputs": merged, "timeMajor": False}
        shapes = [(1, 5, 6)] if merged else [(1, 5, 3), (1, 5, 3)]
        alone(name + suffix, "BIDIRECTIONAL_SEQUENCE_LSTM", inputs, shapes, ("BidirectionalSequenceLSTMOptions", fields), variables=(35, 36, 37, 38))


@case
def rnn(name):
    for suffix, major, activation in (("", False, 4), ("_time_major", True, 1)):
        shape = (5, 2, 4) if major else (2, 5, 4)
        inputs = [shape, real(3, 4), real(3, 3, low=-0.6, high=0.6), real(3), (2, 3)]
        fields = {"timeMajor": major, "fusedActivationFunction": activation}
        alone(name + suffix, "UNIDIRECTIONAL_SEQUENCE_RNN", inputs, [(*shape[:2], 3)], ("SequenceRNNOptions", fields), variables=(4,))


@case
def l2_pool(name):
    fields = {"padding": 0, "strideW": 2, "strideH": 1, "filterWidth": 3, "filterHeight": 2, "fusedActivationFunction": 3}
    alone(name, "L2_POOL_2D", [(1, 5, 6, 2)], [(1, 5, 3, 2)], ("Pool2DOptions", fields))


@case
def embedding(name):
    alone(name, "EMBEDDING_LOOKUP", [((4,), "int32"), real(3, 5)], [(4, 5)])


@case
def clipped(name):
    alone(name, "RELU_N1_TO_1", [(2, 5)], [(2, 5)])
    alone(name + "_0_to_1", "RELU_0_TO_1", [(2, 5)], [(2, 5)])


@case
def dense_rows(name):
    """An input of four axes, flattened to rows; the activation is fused."""
    inputs = [(2, 3, 2, 4), real(5, 8), real(5)]
    alone(name, "FULLY_CONNECTED", inputs, [(6, 5)], ("FullyConnectedOptions", {"fusedActivationFunction": 2}))


@case
def uint8_pool(name):
    fields = {"padding": 0, "strideW": 1, "strideH": 1, "filterWidth": 2, "filterHeight": 2}
    shape = ((1, 6, 6, 3), "uint8")
    alone(name, "AVERAGE_POOL_2D", [shape], [shape], ("Pool2DOptions", fields), grids={0: (0.5, 3), -1: (0.5, 3)})


@case
def endless(name):
    """A graph that calls itself, in a model that nobody can run."""
    (OUT / f"{name}.tflite").write_bytes(alone(name, "CALL", [(2, 3)], [(2, 3)], ("CallOptions", {"subgraph": 0}), runs=False))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:] or list(CASES)
    for name in wanted:
        global rng
        # Each case draws its own numbers, so that one can be recorded again alone.
        rng = np.random.default_rng(abs(hash_of(name)))
        tf.keras.utils.set_random_seed(7)
        try:
            CASES[name](name)
            print("recorded", name)
        except Exception as error:
            print("FAILED", name, type(error).__name__, str(error)[:400])


def hash_of(text):
    value = 0
    for letter in text:
        value = (value * 31 + ord(letter)) % 2**32
    return value


if __name__ == "__main__":
    main()
