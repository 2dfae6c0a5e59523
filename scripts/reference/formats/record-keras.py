"""Records fixtures for the Keras reader: tiny models with random weights and what Keras itself answers on random inputs.

    python scripts/reference/formats/record-keras.py [NAME ...]

Writes fixtures/formats/keras/layers/NAME.<v2|v3>.<h5|keras>.gz and NAME.<...>.expected.json.gz; the answers are those of the
file opened again, since Keras 3 does not always write what it holds in memory. Each model is one family of layers,
one branch and one output per layer, so that a failure names its layer. v3 is Keras 3 (as .keras; `h5` too where a case
asks for it), v2 is tf_keras (as .h5). Needs TensorFlow, keras and tf_keras.
"""
import base64
import gzip
import json
import os
import sys
import tempfile
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import keras as keras3
import tf_keras as keras2
import tensorflow as tf

OUT = os.path.join(os.path.dirname(__file__), "../../../fixtures/formats/keras/layers")
NAMES = {"float32": "f32", "uint8": "u8", "int32": "i32", "int64": "i64", "bool": "bool"}
CASES = {}
# One sample where layers are many and tensors large, two elsewhere.
SINGLE = {"convolution", "convolution_1d_3d", "normalization", "shapes", "channels_first", "pooling"}


def case(*kinds):
    """kinds: which of `v2`, `v3`, `v3h5` to record."""

    def register(make):
        CASES[make.__name__] = (make, kinds or ("v2", "v3"))
        return make

    return register


class Branches:
    """Collects one output per layer."""

    def __init__(self, k, v):
        self.k, self.v, self.L, self.inputs, self.outputs = k, v, k.layers, [], []

    def input(self, name, shape, dtype="float32", batch=None):
        x = self.k.Input(shape=shape, batch_size=batch, name=name, dtype=dtype)
        self.inputs.append(x)
        return x

    def out(self, *tensors):
        for t in tensors:
            if isinstance(t, (list, tuple)):
                self.out(*t)
            else:
                self.outputs.append(t)

    def model(self):
        return self.k.Model(self.inputs, self.outputs)


def randomize(model, rng):
    values = []
    for w in model.weights:
        shape = tuple(w.shape)
        name = getattr(w, "path", w.name)
        if "seed" in name or np.dtype(str(w.dtype).replace("<dtype: '", "").replace("'>", "")).kind != "f":
            values.append(np.asarray(w))
            continue
        if "count" in name:
            values.append(w.numpy())
        elif "variance" in name:
            values.append(rng.uniform(0.5, 1.5, shape).astype("float32"))
        elif "gamma" in name:
            values.append(rng.uniform(0.7, 1.3, shape).astype("float32"))
        else:
            values.append(rng.normal(0, 0.4, shape).astype("float32"))
    model.set_weights(values)


def sample(tensor, rng, batch):
    shape = [batch if d is None else d for d in tensor.shape]
    shape = [6 if d is None else d for d in shape]
    dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
    if dtype.startswith("int"):
        return rng.integers(0, 6, shape).astype(dtype)
    if dtype == "uint8":
        return rng.integers(0, 256, shape).astype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    return rng.normal(0, 1.2, shape).astype("float32")


def packed(array):
    array = np.ascontiguousarray(array)
    return {"dtype": NAMES[str(array.dtype)], "shape": list(array.shape), "data": base64.b64encode(array.tobytes()).decode()}


def deterministic(path, blob):
    with open(path, "wb") as f:
        with gzip.GzipFile(fileobj=f, mode="wb", mtime=0, filename="") as z:
            z.write(blob)


def record(name, kind, make):
    v = 2 if kind == "v2" else 3
    k = keras2 if v == 2 else keras3
    k.backend.clear_session()
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    tf.random.set_seed(7)
    model = make(k, v)
    randomize(model, rng)
    feeds = {}
    if not getattr(model, "built", True) or not model.inputs:
        model.build()
    for i, tensor in enumerate(model.inputs):
        spec = model.input_names[i] if v == 2 else tensor.name
        feeds[spec] = sample(tensor, rng, 1 if name in SINGLE else 2)
    feeds.update(getattr(model, "_pare_feeds", {}))
    twin = getattr(model, "_pare_twin", None)
    suffix = "keras" if kind == "v3" else "h5"
    place = os.path.join(OUT, f"{name}.{kind[:2]}.{suffix}")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"{name}.{suffix}")
        model.save(path)
        deterministic(place + ".gz", open(path, "rb").read())
        model = k.models.load_model(path, compile=False)
    if isinstance(getattr(model, "_inputs_struct", None), dict):
        answers = model({key: tf.constant(feeds[key]) for key in feeds}, training=False)
    else:
        given = [tf.constant(feed) for feed in feeds.values()]
        answers = model(given if len(given) > 1 else given[0], training=False)
    answers = list(answers.values()) if isinstance(answers, dict) else answers
    answers = list(answers) if isinstance(answers, (list, tuple)) else [answers]
    answers = [np.asarray(a) for a in tf.nest.flatten(answers)]
    answers = [a.astype("float32") if a.dtype == np.float16 else a for a in answers]
    if twin is not None:
        twin(model, feeds, answers)
    names = [f"output_{i}" for i in range(len(answers))]
    expected = {
        "inputs": {key: packed(value) for key, value in feeds.items()},
        "outputs": {names[i]: packed(answer) for i, answer in enumerate(answers)},
    }
    # Keras names outputs after layers; the order is what counts here.
    expected["names"] = list(getattr(model, "output_names", names))
    deterministic(place + ".expected.json.gz", json.dumps(expected).encode())
    print(f"{name}.{kind}: {len(answers)} outputs, {os.path.getsize(place + '.gz')} bytes, expected {os.path.getsize(place + '.expected.json.gz')}")


# --- families ---------------------------------------------------------------------------------------------------------------


@case()
def activations(k, v):
    b = Branches(k, v)
    x = b.input("x", (5,))
    L = b.L
    names = ["relu", "relu6", "sigmoid", "tanh", "softmax", "swish", "gelu", "elu", "selu", "softplus", "softsign", "hard_sigmoid",
             "exponential", "linear", "mish"]
    if v == 3:
        names += ["silu", "leaky_relu", "hard_silu", "hard_tanh", "log_softmax", "celu", "log_sigmoid", "squareplus", "tanh_shrink",
                  "soft_shrink", "hard_shrink", "sparse_plus", "sparse_sigmoid"]
    for name in names:
        act = k.activations.relu6 if False else name
        if v == 2 and name == "relu6":
            b.out(L.ReLU(6.0, name="act_relu6")(x))
            continue
        b.out(L.Activation(act, name=f"act_{name}")(x))
    b.out(L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2, name="relu_all")(x))
    b.out(L.ReLU(negative_slope=0.1, name="relu_slope")(x))
    b.out(L.ReLU(threshold=0.3, name="relu_threshold")(x))
    b.out(L.ReLU(max_value=2.0, name="relu_max")(x))
    b.out(L.LeakyReLU(name="leaky")(x))
    b.out(L.LeakyReLU(0.15, name="leaky_15")(x))
    b.out(L.ELU(0.7, name="elu_07")(x))
    b.out(L.PReLU(name="prelu")(x))
    b.out(L.Softmax(name="softmax_layer")(x))
    if v == 2:
        b.out(L.ThresholdedReLU(0.4, name="thresholded")(x))
    y = b.input("y", (3, 4, 2))
    b.out(L.PReLU(shared_axes=[1, 2], name="prelu_shared")(y))
    b.out(L.Softmax(axis=1, name="softmax_axis")(y))
    b.out(L.Softmax(axis=[1, 2], name="softmax_axes")(y))
    return b.model()


@case()
def convolution(k, v):
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (6, 5, 4))
    b.out(L.Conv2D(3, 3, padding="same", activation="relu", name="same")(x))
    b.out(L.Conv2D(3, (3, 2), strides=(2, 1), padding="valid", use_bias=False, name="strided")(x))
    b.out(L.Conv2D(3, 3, strides=2, padding="same", name="same_strided")(x))
    b.out(L.Conv2D(3, 2, dilation_rate=2, padding="same", name="dilated")(x))
    b.out(L.Conv2D(4, 3, groups=2, activation="tanh", name="grouped")(x))
    b.out(L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu", name="depthwise")(x))
    b.out(L.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, name="depthwise_strided")(x))
    b.out(L.SeparableConv2D(3, 3, padding="same", depth_multiplier=2, activation="relu", name="separable")(x))
    b.out(L.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu", name="transpose_same")(x))
    b.out(L.Conv2DTranspose(2, 3, strides=2, padding="valid", name="transpose_valid")(x))
    b.out(L.Conv2DTranspose(2, 2, strides=2, padding="same", output_padding=1, name="transpose_padded")(x))
    return b.model()


@case()
def convolution_1d_3d(k, v):
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (7, 3))
    b.out(L.Conv1D(4, 3, padding="same", activation="relu", name="same")(x))
    b.out(L.Conv1D(4, 3, padding="causal", dilation_rate=2, name="causal")(x))
    b.out(L.Conv1D(2, 3, strides=2, name="strided")(x))
    b.out(L.SeparableConv1D(4, 3, padding="same", name="separable")(x))
    b.out(L.SeparableConv1D(4, 3, padding="causal" if v == 2 else "valid", name="separable_causal")(x))
    b.out(L.Conv1DTranspose(2, 3, strides=2, padding="same", name="transpose")(x))
    b.out(L.DepthwiseConv1D(3, padding="same", depth_multiplier=2, name="depthwise")(x))
    y = b.input("y", (3, 4, 3, 2))
    b.out(L.Conv3D(2, 2, padding="same", strides=2, activation="relu", name="volume")(y))
    b.out(L.Conv3DTranspose(2, 2, strides=2, name="volume_transpose")(y))
    return b.model()


@case()
def pooling(k, v):
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (7, 6, 3))
    b.out(L.MaxPooling2D(name="max")(x), L.MaxPooling2D(3, strides=2, padding="same", name="max_same")(x))
    b.out(L.AveragePooling2D(2, name="average")(x), L.AveragePooling2D(3, strides=2, padding="same", name="average_same")(x))
    b.out(L.GlobalAveragePooling2D(name="gap")(x), L.GlobalMaxPooling2D(name="gmp")(x))
    b.out(L.GlobalAveragePooling2D(keepdims=True, name="gap_keep")(x), L.GlobalMaxPooling2D(keepdims=True, name="gmp_keep")(x))
    y = b.input("y", (8, 3))
    b.out(L.MaxPooling1D(2, name="max1")(y), L.AveragePooling1D(3, strides=2, padding="same", name="average1")(y))
    b.out(L.GlobalAveragePooling1D(name="gap1")(y), L.GlobalMaxPooling1D(name="gmp1")(y))
    z = b.input("z", (4, 5, 4, 2))
    b.out(L.MaxPooling3D(2, name="max3")(z), L.AveragePooling3D(2, padding="same", name="average3")(z))
    b.out(L.GlobalAveragePooling3D(name="gap3")(z), L.GlobalMaxPooling3D(name="gmp3")(z))
    return b.model()


@case()
def normalization(k, v):
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (3, 4, 6))
    b.out(L.BatchNormalization(name="bn")(x), L.BatchNormalization(center=False, name="bn_no_beta")(x))
    b.out(L.BatchNormalization(scale=False, epsilon=0.01, name="bn_no_gamma")(x), L.BatchNormalization(axis=1, name="bn_axis_1")(x))
    b.out(L.LayerNormalization(name="ln")(x), L.LayerNormalization(axis=[1, 2], center=False, name="ln_axes")(x))
    b.out(L.LayerNormalization(axis=1, scale=False, name="ln_axis_1")(x), L.LayerNormalization(axis=[2, 3], epsilon=1e-6, name="ln_last")(x))
    b.out(L.GroupNormalization(groups=3, name="gn")(x), L.GroupNormalization(groups=-1, scale=False, name="instance")(x))
    b.out(L.UnitNormalization(name="unit")(x), L.UnitNormalization(axis=[1, 2], name="unit_axes")(x))
    n = L.Normalization(mean=[1.0, 2.0, 3.0, 0.5, 0.1, -1.0], variance=[1.0, 0.5, 2.0, 3.0, 0.0, 4.0], name="norm_given")
    b.out(n(x))
    adapted = L.Normalization(axis=-1, name="norm_adapted")
    adapted.adapt(np.random.default_rng(3).normal(1, 2, (8, 3, 4, 6)).astype("float32"))
    b.out(adapted(x))
    if v == 3:
        b.out(L.Normalization(mean=1.5, variance=2.0, axis=None, invert=True, name="norm_inverse")(x))
        b.out(L.RMSNormalization(name="rms")(x))
    y = b.input("y", (7,))
    b.out(L.BatchNormalization(name="bn_flat")(y), L.LayerNormalization(name="ln_flat")(y))
    return b.model()


@case()
def shapes(k, v):
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (4, 6, 2))
    b.out(L.Flatten(name="flatten")(x), L.Reshape((8, 6), name="reshape")(x), L.Reshape((-1, 3), name="reshape_free")(x))
    b.out(L.Permute((3, 1, 2), name="permute")(x))
    b.out(L.ZeroPadding2D(((1, 2), (0, 3)), name="pad")(x), L.ZeroPadding2D(1, name="pad_1")(x))
    b.out(L.Cropping2D(((1, 0), (2, 1)), name="crop")(x))
    b.out(L.UpSampling2D((2, 3), name="up")(x), L.UpSampling2D((2, 3), interpolation="bilinear", name="up_bilinear")(x))
    b.out(L.Resizing(3, 9, name="resize")(x), L.Resizing(7, 4, interpolation="nearest", name="resize_nearest")(x))
    b.out(L.CenterCrop(2, 3, name="center")(x))
    b.out(L.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(x), L.Rescaling([0.5, 2.0], offset=[1.0, -1.0], name="rescale_channels")(x))
    y = b.input("y", (5, 3))
    b.out(L.ZeroPadding1D((1, 2), name="pad1")(y), L.Cropping1D((1, 2), name="crop1")(y), L.UpSampling1D(2, name="up1")(y))
    z = b.input("z", (3,))
    b.out(L.RepeatVector(4, name="repeat")(z))
    w = b.input("w", (2, 3, 4, 2))
    b.out(L.ZeroPadding3D(1, name="pad3")(w), L.Cropping3D(((0, 1), (1, 1), (2, 0)), name="crop3")(w), L.UpSampling3D((1, 2, 2), name="up3")(w))
    b.out(L.Dropout(0.5, name="drop")(z), L.GaussianNoise(0.3, name="noise")(z), L.SpatialDropout2D(0.3, name="spatial_drop")(x))
    b.out(L.ActivityRegularization(0.1, name="activity")(z))
    return b.model()


@case()
def merging(k, v):
    b = Branches(k, v)
    L = b.L
    x, y, z = b.input("x", (4, 3)), b.input("y", (4, 3)), b.input("z", (1, 3))
    b.out(L.Add(name="add")([x, y]), L.Add(name="add3")([x, y, z]), L.Subtract(name="subtract")([x, y]), L.Multiply(name="multiply")([x, y, z]))
    b.out(L.Average(name="average")([x, y, y]), L.Maximum(name="maximum")([x, y]), L.Minimum(name="minimum")([x, y, z]))
    b.out(L.Concatenate(name="concat")([x, y]), L.Concatenate(axis=1, name="concat_1")([x, y, z]))
    b.out(L.Dot(axes=2, name="dot_2")([x, y]), L.Dot(axes=(1, 1), name="dot_11")([x, y]), L.Dot(axes=-1, normalize=True, name="dot_norm")([x, y]))
    u, w = b.input("u", (5,)), b.input("w", (5,))
    b.out(L.Dot(axes=1, name="dot_flat")([u, w]), L.Dot(axes=1, normalize=True, name="cosine")([u, w]))
    q = b.input("q", (3,))
    b.out(L.Add(name="add_ranks")([x, q]) if v == 3 else L.Add(name="add_ranks")([x, z]))
    return b.model()


@case()
def dense(k, v):
    b = Branches(k, v)
    L = b.L
    x, y = b.input("x", (5,)), b.input("y", (4, 5))
    b.out(L.Dense(3, activation="relu", name="flat")(x), L.Dense(3, use_bias=False, name="no_bias")(x), L.Dense(2, activation="softmax", name="time")(y))
    b.out(L.Dense(3, activation="gelu", name="time_gelu")(y))
    b.out(L.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d", name="einsum")(y))
    b.out(L.EinsumDense("abc,bcd->abd", output_shape=(4, 3), activation="tanh", name="einsum_batched")(y))
    b.out(L.EinsumDense("...x,xy->...y", output_shape=2, bias_axes="y", name="einsum_dots")(y))
    i = b.input("i", (4,), "int32")
    b.out(L.Embedding(7, 3, name="embedding")(i))
    f = b.input("f", (3,))
    b.out(L.TimeDistributed(L.Dense(2, activation="relu", name="inner"), name="each")(y))
    c = b.input("c", (3, 6, 6, 2))
    b.out(L.TimeDistributed(L.Conv2D(2, 3, name="inner_conv"), name="each_conv")(c))
    b.out(L.TimeDistributed(L.Flatten(name="inner_flat"), name="each_flat")(c))
    b.out(L.CategoryEncoding(num_tokens=6, output_mode="multi_hot", name="multi_hot")(i))
    b.out(L.Dense(2, name="used_f")(f))
    return b.model()


@case("v2", "v3", "v3h5")
def recurrent(k, v):
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (6, 3))
    b.out(L.LSTM(4, name="lstm")(x), L.LSTM(3, return_sequences=True, go_backwards=True, name="lstm_back")(x))
    b.out(L.LSTM(3, return_sequences=True, return_state=True, use_bias=False, name="lstm_state")(x))
    b.out(L.LSTM(3, activation="relu", recurrent_activation="hard_sigmoid", name="lstm_hard")(x))
    b.out(L.GRU(4, name="gru")(x), L.GRU(3, reset_after=False, return_sequences=True, name="gru_before")(x))
    b.out(L.GRU(3, return_state=True, go_backwards=True, use_bias=False, name="gru_state")(x))
    b.out(L.SimpleRNN(4, name="rnn")(x), L.SimpleRNN(3, activation="relu", return_sequences=True, return_state=True, name="rnn_seq")(x))
    h, c = b.input("h", (4,)), b.input("c", (4,))
    b.out(L.LSTM(4, name="lstm_initial")(x, initial_state=[h, c]), L.GRU(4, name="gru_initial")(x, initial_state=h))
    b.out(L.RNN(L.LSTMCell(3, name="cell_a"), name="rnn_cell")(x))
    b.out(L.RNN(L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(2)], name="stack"), return_sequences=True, name="rnn_stack")(x))
    return b.model()


@case("v2", "v3", "v3h5")
def bidirectional(k, v):
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (5, 3))
    for mode in ["concat", "sum", "ave", "mul"]:
        b.out(L.Bidirectional(L.LSTM(2, return_sequences=True), merge_mode=mode, name=f"lstm_{mode}")(x))
    b.out(L.Bidirectional(L.GRU(3), name="gru_last")(x))
    b.out(L.Bidirectional(L.GRU(3), merge_mode=None, name="gru_pair")(x))
    b.out(L.Bidirectional(L.LSTM(2, return_state=True, return_sequences=True), name="lstm_state")(x))
    b.out(L.Bidirectional(L.LSTM(2), backward_layer=L.LSTM(2, go_backwards=True, activation="relu"), name="lstm_given")(x))
    b.out(L.Bidirectional(L.SimpleRNN(2, return_sequences=True), name="rnn")(x))
    return b.model()


@case()
def attention(k, v):
    b = Branches(k, v)
    L = b.L
    q, kv, kk = b.input("q", (4, 6)), b.input("kv", (5, 6)), b.input("kk", (5, 6))
    b.out(L.MultiHeadAttention(2, 3, name="mha")(q, kv), L.MultiHeadAttention(2, 3, value_dim=4, use_bias=False, name="mha_value")(q, kv, kk))
    b.out(L.MultiHeadAttention(2, 3, output_shape=5, name="mha_shape")(q, q, return_attention_scores=True))
    b.out(L.MultiHeadAttention(2, 3, name="mha_causal")(q, q, use_causal_mask=True))
    mask = b.input("mask", (4, 5), "bool")
    b.out(L.MultiHeadAttention(2, 3, name="mha_mask")(q, kv, attention_mask=mask))
    b.out(L.Attention(name="att")([q, kv]), L.Attention(use_scale=True, name="att_scale")([q, kv, kk]))
    b.out(L.Attention(score_mode="concat", use_scale=True, name="att_concat")([q, kv]))
    b.out(L.AdditiveAttention(name="additive")([q, kv]), L.Attention(name="att_causal")([q, q], use_causal_mask=True))
    if v == 3:
        b.out(L.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2, name="gqa")(q, kv))
    return b.model()


@case()
def masking(k, v):
    b = Branches(k, v)
    L = b.L
    i = b.input("i", (6,), "int32")
    e = L.Embedding(7, 3, mask_zero=True, name="words")(i)
    b.out(L.LSTM(3, name="lstm")(e), L.GRU(2, return_sequences=True, name="gru")(e), L.GlobalAveragePooling1D(name="mean")(e))
    b.out(L.Bidirectional(L.LSTM(2, return_sequences=True), name="both")(e), L.SimpleRNN(2, name="rnn")(e))
    b.out(L.MultiHeadAttention(2, 2, name="mha")(e, e), L.Attention(name="att")([e, e]))
    b.out(L.LSTM(2, name="after_dense")(L.Dense(4, activation="relu", name="dense")(e)))
    x = b.input("x", (6, 2))
    m = L.Masking(0.0, name="masking")(x)
    b.out(m, L.LSTM(2, name="masked_lstm")(m), L.Conv1D(2, 2, name="conv")(m) if v == 2 else L.Dense(2, name="conv")(m))
    model = b.model()
    steps = np.random.default_rng(5).normal(0, 1, (2, 6, 2)).astype("float32")
    steps[0, 3:] = 0
    steps[1, 1] = 0
    steps[1, 4] = 0
    model._pare_feeds = {"i": np.array([[3, 1, 0, 4, 0, 0], [0, 2, 5, 1, 6, 3]], "int32"), "x": steps}
    return model


@case()
def channels_first(k, v):
    """TensorFlow 2.21 convolves channels first wrongly on the CPU (SAME, strides 2): that answer comes from the channels-last twin."""
    b = Branches(k, v)
    L = b.L
    x = b.input("x", (3, 5, 6))
    b.out(L.ZeroPadding2D(1, data_format="channels_first", name="pad")(x))
    b.out(L.Flatten(data_format="channels_first", name="flatten")(x))
    b.out(L.GlobalAveragePooling2D(data_format="channels_first", name="gap")(x), L.GlobalMaxPooling2D(data_format="channels_first", name="gmp")(x))
    b.out(L.Cropping2D(1, data_format="channels_first", name="crop")(x))
    b.out(L.BatchNormalization(axis=1, name="bn")(x))
    b.out(L.UpSampling2D(2, data_format="channels_first", name="up")(x))
    if v == 2:
        return b.model()
    b.out(L.Conv2D(4, 3, padding="same", strides=2, data_format="channels_first", name="conv")(x))
    model = b.model()

    def twin(loaded, feeds, answers):
        kernel, bias = loaded.get_layer("conv").get_weights()
        made = tf.nn.conv2d(np.transpose(feeds["x"], (0, 2, 3, 1)), kernel, 2, "SAME") + bias
        answers[-1] = np.transpose(np.asarray(made), (0, 3, 1, 2))

    model._pare_twin = twin
    return model


# --- whole networks ---------------------------------------------------------------------------------------------------------


@case("v2", "v3", "v3h5")
def cnn(k, v):
    L = k.layers
    x = inputs = k.Input((12, 12, 3), name="image")
    x = L.Rescaling(1 / 255.0)(x)
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    x = L.ReLU(6.0)(x)
    skip = x
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    x = L.Activation("swish")(x)
    s = L.GlobalAveragePooling2D()(x)
    s = L.Reshape((1, 1, 4))(s)
    s = L.Conv2D(2, 1, activation="swish")(s)
    s = L.Conv2D(4, 1, activation="sigmoid")(s)
    x = L.Multiply()([x, s])
    x = L.Add()([x, skip])
    x = L.MaxPooling2D()(x)
    x = L.Flatten()(x)
    x = L.Dropout(0.2)(x)
    return k.Model(inputs, L.Dense(5, activation="softmax", name="scores")(x))


@case()
def speech(k, v):
    L = k.layers
    layers = [L.Conv1D(4, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling1D(2), L.GRU(3, return_sequences=True),
              L.Bidirectional(L.LSTM(2)), L.Dense(3, activation="softmax")]
    model = k.Sequential([k.Input((None, 4), name="frames")] + layers if v == 3 else [L.InputLayer((None, 4), name="frames")] + layers)
    model._pare_feeds = {"frames": np.random.default_rng(1).normal(0, 1, (2, 12, 4)).astype("float32")}
    return model


@case()
def transformer(k, v):
    L = k.layers
    ids = k.Input((6,), name="ids", dtype="int32")
    x = L.Embedding(11, 8)(ids)
    y = L.MultiHeadAttention(2, 4)(x, x)
    x = L.LayerNormalization(epsilon=1e-6)(L.Add()([x, L.Dropout(0.1)(y)]))
    f = k.Sequential([L.Dense(16, activation="gelu"), L.Dense(8)], name="feed_forward")(x)
    x = L.LayerNormalization(epsilon=1e-6)(x + f)
    return k.Model(ids, L.Dense(3)(L.GlobalAveragePooling1D()(x)))


@case("v2", "v3", "v3h5")
def nested(k, v):
    L = k.layers
    inner_in = k.Input((4,), name="inner_in")
    shared = L.Dense(3, activation="tanh", name="dense")
    inner = k.Model(inner_in, [shared(inner_in), L.BatchNormalization(name="norm")(inner_in)], name="inner")
    deep_in = k.Input((4,))
    a, n = inner(deep_in)
    # Keras cannot write two weights of one name in an .h5 group, though it can load and make such models.
    deep = k.Model(deep_in, L.Concatenate(name="join")([a, n, L.Dense(2, name="deep_dense")(n)]), name="deep")
    tower = k.Sequential([k.Input((9,)), L.Dense(3, name="dense"), L.BatchNormalization(name="norm")], name="tower")
    left, right = k.Input((4,), name="left"), k.Input((4,), name="right")
    dense = L.Dense(4, name="dense", activation="relu")
    p, q = dense(left), dense(dense(right))
    first, second = deep(p), deep(q)
    out_a = tower(first)
    out_b = L.Subtract(name="difference")([tower(second), out_a])
    return k.Model([left, right], [out_b, out_a, first], name="outer")


@case("v2", "v3", "v3h5")
def wrapped(k, v):
    """Layers and models inside layers."""
    L = k.layers
    b = Branches(k, v)
    x = b.input("x", (3, 5, 5, 2))
    frame_in = k.Input((5, 5, 2), name="frame")
    y = L.Conv2D(2, 3, padding="same", activation="relu", name="frame_conv")(frame_in)
    y = L.BatchNormalization(name="frame_norm")(y)
    frame = k.Model(frame_in, L.Dense(3, name="frame_dense")(L.GlobalAveragePooling2D(name="frame_mean")(y)), name="frame_model")
    each = L.TimeDistributed(frame, name="each_frame")(x)
    b.out(each, L.GRU(2, name="over_frames")(each))
    s = b.input("s", (4, 3))
    b.out(L.Bidirectional(L.RNN(L.GRUCell(2, name="inner_cell"), return_sequences=True, name="inner_rnn"), name="both_cells")(s))
    b.out(L.TimeDistributed(L.BatchNormalization(name="step_norm"), name="each_norm")(s))
    head = k.Sequential([L.Dense(4, activation="relu", name="head_a"), k.Sequential([L.Dense(2, name="head_b")], name="inner_head")], name="head")
    b.out(head(s), head(L.Dense(3, name="before_head")(s)))
    h, c = b.input("h", (2,)), b.input("c", (2,))
    b.out(L.Bidirectional(L.LSTM(2, name="states"), name="both_states")(s, initial_state=[h, c, c, h]))
    return b.model()


@case()
def open_sizes(k, v):
    """Inputs whose sizes are only known when the model is run."""
    L = k.layers
    b = Branches(k, v)
    x = b.input("x", (None, None, 4))
    c = L.Conv2D(4, 3, strides=2, padding="same", name="conv")(x)
    b.out(c, L.UpSampling2D(2, name="up")(c), L.UpSampling2D((2, 3), interpolation="bilinear", name="up_bilinear")(c))
    b.out(L.Conv2DTranspose(2, 3, strides=2, padding="same", name="transpose")(c), L.GlobalAveragePooling2D(name="mean")(c))
    b.out(L.GroupNormalization(groups=2, name="group")(c), L.Resizing(3, 3, name="resize")(x), L.MaxPooling2D(2, padding="same", name="max")(x))
    b.out(L.PReLU(shared_axes=[1, 2], name="prelu")(c), L.ZeroPadding2D(1, name="pad")(c), L.LayerNormalization(name="norm")(c))
    s = b.input("s", (None, 4))
    b.out(L.MultiHeadAttention(2, 3, name="mha")(s, s, use_causal_mask=True), L.Attention(name="att")([s, s], use_causal_mask=True))
    b.out(L.Bidirectional(L.GRU(2, return_sequences=True), name="both")(s), L.Conv1D(3, 2, padding="causal", name="causal")(s))
    b.out(L.LSTM(2, activation="swish", return_sequences=True, name="steps")(s), L.Dot(axes=1, name="dot")([s, s]))
    b.out(L.TimeDistributed(L.Dense(2, name="inner"), name="each")(s), L.Reshape((-1, 2), name="halves")(s), L.UpSampling1D(2, name="up1")(s))
    b.out(L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de", name="heads")(s), L.GlobalMaxPooling1D(name="max1")(s))
    return b.model()


@case("v3")
def named_inputs(k, v):
    """A nested model that is called on a dictionary in another order than it lists its inputs."""
    L = k.layers
    wide, narrow = k.Input((4,), name="wide"), k.Input((2,), name="narrow")
    inner = k.Model({"wide": wide, "narrow": narrow}, L.Concatenate(name="join")([L.Dense(3, name="squeeze")(wide), narrow]), name="inner")
    a, d = k.Input((2,), name="a"), k.Input((4,), name="d")
    return k.Model([a, d], L.Dense(2, name="end")(inner({"narrow": a, "wide": d})))


@case()
def integers(k, v):
    """Inputs of whole numbers and truth values."""
    L = k.layers
    b = Branches(k, v)
    image = b.input("image", (5, 5, 3), "uint8")
    b.out(L.Conv2D(2, 3, name="conv")(L.Rescaling(1 / 255.0, name="scale")(image)), L.Resizing(3, 4, name="resize")(image))
    ids = b.input("ids", (4,), "int32")
    b.out(L.Embedding(7, 2, name="table")(ids), L.Add(name="sum")([ids, ids]), L.Flatten(name="flat")(ids))
    steps = b.input("steps", (4,))
    b.out(L.Embedding(7, 2, name="float_ids")(L.ReLU(name="positive")(steps)))
    return b.model()


@case()
def precision(k, v):
    """Computed in halves by Keras, in float32 here: the tolerance of the test allows for that."""
    L = k.layers
    b = Branches(k, v)
    x = b.input("x", (6,))
    b.out(L.Dense(3, dtype="float16", name="halves")(x), L.Dense(3, dtype="mixed_float16", name="mixed")(x))
    b.out(L.LSTM(2, dtype="float16", name="lstm")(L.Reshape((3, 2), name="steps")(x)))
    return b.model()


@case("v2")
def lambdas_v2(k, v):
    """Operators of TensorFlow and Python between layers, which Keras 2 keeps as TFOpLambda and SlicingOpLambda."""
    L = k.layers
    b = Branches(k, v)
    x, y = b.input("x", (4, 6)), b.input("y", (4, 6))
    b.out(x + y, x * 2.0, 1.0 - x, x / y, -x, x ** 2.0, tf.abs(x) + 0.5)
    b.out(tf.nn.relu(x), tf.nn.relu6(x), tf.nn.sigmoid(x), tf.nn.softmax(x, axis=1), tf.nn.leaky_relu(x, alpha=0.3), tf.nn.gelu(x), tf.nn.swish(x))
    b.out(tf.math.add(x, y), tf.math.multiply(x, 3.0), tf.math.subtract(x, y), tf.math.maximum(x, y), tf.math.exp(x), tf.math.sqrt(tf.square(x)))
    b.out(tf.reduce_mean(x, axis=1), tf.reduce_sum(x, axis=[1, 2], keepdims=True), tf.reduce_max(x, axis=-1), tf.math.reduce_std(x, axis=1))
    b.out(tf.reshape(x, (-1, 24)), tf.transpose(x, [0, 2, 1]), tf.expand_dims(x, 1), tf.squeeze(tf.expand_dims(x, -1), axis=-1))
    b.out(tf.concat([x, y], axis=-1), tf.stack([x, y], axis=1), tf.matmul(x, y, transpose_b=True), tf.split(x, 2, axis=2))
    b.out(x[:, 1:3], x[:, ::2, -1], x[..., tf.newaxis, 1], x[:, -1], tf.clip_by_value(x, -0.5, 0.5), tf.pad(x, [[0, 0], [1, 2], [0, 1]]))
    b.out(tf.nn.l2_normalize(x, axis=-1), tf.tile(x, [1, 2, 1]), tf.cast(tf.cast(x, tf.int32), tf.float32), tf.where(x > 0.0, x, y))
    b.out(tf.gather(x, [0, 2], axis=1), tf.cumsum(x, axis=1), tf.argmax(x, axis=-1, output_type=tf.int32))
    i = b.input("i", (3,), "int32")
    b.out(tf.one_hot(i, 7))
    im = b.input("im", (4, 4, 3))
    b.out(tf.image.resize(im, (8, 6)), tf.nn.avg_pool2d(im, 2, 2, "SAME"), tf.nn.depth_to_space(L.Conv2D(4, 1, name="conv")(im), 2))
    b.out(tf.keras.backend.mean(x, axis=1) if False else tf.math.reduce_mean(im, axis=[1, 2]))
    return b.model()


@case("v3")
def operations_v3(k, v):
    """Operations of keras.ops between layers."""
    o = k.ops
    b = Branches(k, v)
    x, y = b.input("x", (4, 6)), b.input("y", (4, 6))
    b.out(x + y, x * 2.0, 1.0 - x, x / y, -x, x ** 2.0, o.abs(x), x @ o.transpose(y, (0, 2, 1)))
    b.out(o.relu(x), o.relu6(x), o.sigmoid(x), o.softmax(x, axis=1), o.leaky_relu(x, 0.3), o.gelu(x), o.silu(x), o.tanh(x), o.gelu(x, approximate=False))
    b.out(o.maximum(x, y), o.minimum(x, 0.2), o.exp(x), o.sqrt(o.square(x)), o.log(o.abs(x) + 1.0), o.rsqrt(o.abs(x) + 1.0))
    b.out(o.mean(x, axis=1), o.sum(x, axis=[1, 2], keepdims=True), o.max(x, axis=-1), o.min(x, axis=1), o.std(x, axis=1), o.var(x, axis=-1), o.prod(x, axis=1))
    b.out(o.reshape(x, (-1, 24)), o.expand_dims(x, 1), o.squeeze(o.expand_dims(x, -1), axis=-1), o.swapaxes(x, 1, 2), o.ravel(x) if False else o.flip(x, axis=1))
    b.out(o.concatenate([x, y], axis=-1), o.stack([x, y], axis=1), o.split(x, 2, axis=2), o.repeat(x, 2, axis=1), o.tile(x, (1, 2, 1)))
    b.out(x[:, 1:3], x[:, ::2, -1], x[..., None, 1], x[:, -1], o.clip(x, -0.5, 0.5), o.pad(x, [[0, 0], [1, 2], [0, 1]]))
    b.out(o.normalize(x, axis=-1), o.cast(o.cast(x, "int32"), "float32"), o.where(x > 0.0, x, y), o.take(x, np.array([0, 2]), axis=1))
    b.out(o.cumsum(x, axis=1), o.einsum("bij,bkj->bik", x, y), o.argmax(x, axis=-1), o.matmul(x, o.swapaxes(y, 1, 2)), o.logical_not(x > 0.0))
    i = b.input("i", (3,), "int32")
    b.out(o.one_hot(i, 7))
    im = b.input("im", (4, 4, 3))
    b.out(o.image.resize(im, (8, 6)), o.average_pool(im, 2, 2, "same"), o.max_pool(im, 2), o.mean(im, axis=(1, 2)))
    return b.model()


@case("v3")
def dictionary(k, v):
    L = k.layers
    a, c = k.Input((3,), name="alpha"), k.Input((4,), name="beta")
    joined = L.Concatenate(name="join")([a, c])
    return k.Model({"alpha": a, "beta": c}, {"score": L.Dense(2, name="score_dense")(joined), "value": L.Dense(1, name="value_dense")(joined)})


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    for name, (make, kinds) in CASES.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        for kind in kinds:
            try:
                record(name, kind, make)
            except Exception as error:  # noqa: BLE001
                print(f"{name}.{kind}: FAILED {type(error).__name__}: {str(error)[:600]}")
