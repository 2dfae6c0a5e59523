"""Writes the small HDF5 and Keras files under fixtures/formats/keras/containers, and what Python reads from them.

Run with a Python that has TensorFlow 2.21 (Keras 3.15 inside), tf_keras 2.21, h5py 3 and numpy:

    python scripts/reference/formats/record-keras-containers.py [hdf5|keras]
"""

import gzip
import json
import os
import sys
import zipfile
import zlib

import h5py
import ml_dtypes
import numpy as np

PLACE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "fixtures", "formats", "keras", "containers")


def numbers(*shape, dtype=np.float32):
    count = int(np.prod(shape))
    return ((np.arange(count) * 7919 % 1009) / 64.0 - 5).reshape(shape).astype(dtype)


def hdf5_types(path):
    """Element types, attributes of every kind, layouts that are neither chunked nor plain."""
    with h5py.File(path, "w") as file:
        for name in ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f4", ">i2", ">i8"]:
            file.create_dataset("type " + name.replace(">", "big "), data=numbers(3, 2).astype(name))
        file.create_dataset("bool", data=np.array([True, False, True]))
        file.create_dataset("scalar", data=np.float32(2.5))
        file.create_dataset("empty", data=np.zeros((0, 3), np.float32))
        file.create_dataset("null", data=h5py.Empty("f4"))
        file.create_dataset("never written", shape=(4,), dtype="f4", fillvalue=1.5)
        file.create_dataset("zero filled", shape=(4,), dtype="i4")
        file.create_dataset("texts", data=np.array(["eins", "zwei \u00e4"], dtype=h5py.string_dtype()))
        file.create_dataset("fixed texts", data=np.array([b"ab", b"c", b"defg"]))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((5,))
        compact = h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, plist)
        compact.write(h5py.h5s.ALL, h5py.h5s.ALL, numbers(5))
        attributes = file.create_group("attributes").attrs
        attributes["text"] = "a text, \u00fc"
        attributes["bytes"] = b"some bytes"
        attributes["numpy bytes"] = np.bytes_("fixed")
        attributes["list of texts"] = ["one", "two", "three \u20ac"]
        attributes["list of bytes"] = [b"kernel:0", b"bias:0"]
        attributes["numpy list"] = np.array([b"kernel", b"a longer one"])
        attributes["int"] = 7
        attributes["float"] = 0.1
        attributes["bool"] = True
        attributes["array"] = numbers(2, 3)
        attributes["big endian"] = np.array([1, 2, 3], ">i4")
        attributes["none"] = h5py.Empty("f4")
        attributes["no elements"] = np.zeros((0,), np.float64)
        file["link to group"] = h5py.SoftLink("/attributes")
        file["attributes"]["relative"] = h5py.SoftLink("hard")
        file["attributes"]["hard"] = file["scalar"]
        file["dangling"] = h5py.SoftLink("/nowhere")


def hdf5_halves(path):
    """What the library's JavaScript form does not read."""
    with h5py.File(path, "w") as file:
        file.create_dataset("half", data=np.array([0.5, -2, 65504, 0.333], np.float16))
        file.create_dataset("big half", data=np.array([0.5, -2, 65504, 0.333], ">f2"))
        file.attrs["half"] = np.float16(0.333)
        file.create_dataset("bfloat16", data=np.array([0.5, -2, 3e38, 0.333], ml_dtypes.bfloat16))


def hdf5_refused(path):
    """What a reader must not follow or cannot unpack, and records and references, which no weight is."""
    with h5py.File(path, "w", libver="latest") as file:
        file["circle a"] = h5py.SoftLink("/circle b")
        file["circle b"] = h5py.SoftLink("/circle a")
        file["outside"] = h5py.ExternalLink("other.h5", "/data")
        file.create_dataset("lzf", data=numbers(30), chunks=(10,), compression="lzf")
        file.create_dataset("grows", data=numbers(30), chunks=(10,), maxshape=(None,))
        file.create_dataset("elsewhere", shape=(4,), dtype="f4", external=[("other.bin", 0, 16)])
        layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
        layout[:] = h5py.VirtualSource("other.h5", "data", shape=(4,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("records", data=np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
        file.attrs["reference"] = file["records"].ref
        file.create_dataset("shape bomb", shape=(1 << 33,), dtype="f4", chunks=(1 << 20,), compression="gzip")
        file.create_dataset("bomb", data=np.zeros(1 << 22, np.int8), chunks=(1 << 22,), compression="gzip")


def chunked(file, many):
    file.create_dataset("chunked", data=numbers(7, 9), chunks=(3, 4))
    file.create_dataset("gzip", data=numbers(7, 9), chunks=(3, 4), compression="gzip")
    file.create_dataset("shuffled", data=numbers(20, 5), chunks=(8, 5), compression="gzip", shuffle=True)
    file.create_dataset("checked", data=numbers(20), chunks=(8,), compression="gzip", fletcher32=True)
    file.create_dataset("single", data=numbers(6, 2), chunks=(6, 2))
    file.create_dataset("single gzip", data=numbers(6, 2), chunks=(6, 2), compression="gzip")
    file.create_dataset("grows both ways", data=numbers(5, 5), chunks=(2, 2), maxshape=(None, None))
    file.create_dataset("grows both ways gzip", data=numbers(5, 5), chunks=(2, 2), maxshape=(None, None), compression="gzip")
    file.create_dataset("many chunks", data=numbers(many, dtype=np.int8), chunks=(1,))
    file.create_dataset("many chunks gzip", data=numbers(150, dtype=np.int16), chunks=(2,), compression="gzip")
    sparse = file.create_dataset("sparse", shape=(40, 2), dtype="f4", chunks=(4, 2), fillvalue=-1)
    sparse[9:11] = 3
    file.create_dataset("cube", data=numbers(3, 4, 5, dtype=np.float64), chunks=(2, 3, 2), compression="gzip", shuffle=True)


def hdf5_chunked(path):
    with h5py.File(path, "w") as file:
        chunked(file, 150)


def hdf5_latest(path):
    """The newest form of everything, which h5py writes when it is asked to."""
    with h5py.File(path, "w", libver="latest") as file:
        chunked(file, 1100)
        sparse = file.create_dataset("sparse pages", shape=(4000,), dtype="i1", chunks=(1,), fillvalue=5)
        sparse[2100] = 3
        group = file.create_group("implicit")
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((2, 2))
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        space = h5py.h5s.create_simple((5, 3))
        early = h5py.h5d.create(group.id, b"early", h5py.h5t.IEEE_F32LE, space, plist)
        early.write(h5py.h5s.ALL, h5py.h5s.ALL, numbers(5, 3))
        file.create_dataset("plain", data=numbers(4, 3))
        file.create_group("few").attrs["text"] = "few"
        for index in range(3):
            file["few"].create_dataset(f"d{index}", data=numbers(2))


def hdf5_dense(path):
    """Links and attributes beyond what fits in a header."""
    with h5py.File(path, "w", libver="latest") as file:
        many = file.create_group("many")
        for index in range(260):
            many[f"link {index:04d} {'x' * (index % 40)}"] = h5py.SoftLink("/data")
        file.create_dataset("data", data=numbers(2))
        attributes = file.create_group("attributes")
        for index in range(60):
            attributes.attrs[f"attribute {index}"] = "v" * index
        attributes.attrs["large"] = np.frombuffer(b"0123456789abcdef" * 4100, dtype=np.uint8)


def hdf5_ordered(path):
    with h5py.File(path, "w", track_order=True) as file:
        for index in range(20):
            group = file.create_group(f"z{20 - index}", track_order=True)
            group.attrs["number"] = index
        for index in range(12):
            file.attrs[f"a{12 - index}"] = index
        file.create_dataset("data", data=numbers(3))


def hdf5_user_block(path):
    with h5py.File(path, "w", userblock_size=1024) as file:
        file.create_dataset("data", data=numbers(3))
        file.create_dataset("packed", data=numbers(30), chunks=(10,), compression="gzip")
        file.attrs["text"] = "behind a block of the user's own"


HDF5 = {
    "types": hdf5_types,
    "chunked": hdf5_chunked,
    "latest": hdf5_latest,
    "dense": hdf5_dense,
    "ordered": hdf5_ordered,
    "user-block": hdf5_user_block,
    "refused": hdf5_refused,
    "halves": hdf5_halves,
}


def record_hdf5():
    for name, write in HDF5.items():
        path = os.path.join(PLACE, f"hdf5-{name}.h5")
        write(path)
        with open(path, "rb") as file:
            packed = gzip.compress(file.read(), mtime=0)
        os.remove(path)
        with open(path + ".gz", "wb") as file:
            file.write(packed)
        print(name, len(packed))


def set_weights(model):
    """Numbers of their own for every weight, so that one cannot stand for another."""
    for number, weight in enumerate(model.weights):
        weight.assign((numbers(*weight.shape) / 10 + number).astype(weight.dtype if isinstance(weight.dtype, str) else weight.dtype.name))


def sequential(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.InputLayer(shape=(8, 8, 3)) if keras.__version__ > "3" else layers.InputLayer((8, 8, 3)),
            layers.Conv2D(4, 3, name="first"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.SeparableConv2D(4, 1),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, name="a_dense"),
            layers.Dense(2),
        ],
        name="plain",
    )


def nested(keras):
    """Models in models, one of them used twice, some of it frozen; an outer and an inner layer of one name."""
    layers = keras.layers
    deep = keras.Sequential([layers.Input((6,)), layers.Dense(6, name="deep_dense"), layers.BatchNormalization(name="deep_norm")], name="deep")
    frozen = layers.Dense(6, name="frozen")
    frozen.trainable = False
    x = inner_in = layers.Input((6,), name="inner_in")
    x = layers.BatchNormalization(name="inner_norm")(x)
    x = frozen(x)
    x = deep(x)
    x = layers.Dense(6, name="twin")(x)
    inner = keras.Model(inner_in, x, name="inner")
    a = layers.Input((6,), name="a")
    b = layers.Input((6,), name="b")
    shared = layers.Dense(6, name="shared")
    y = layers.Add()([inner(shared(a)), inner(shared(b))])
    y = layers.Dense(2, name="twin")(y)
    return keras.Model([a, b], y, name="outer")


def sequences(keras):
    layers = keras.layers
    words = layers.Input((5,), name="words")
    x = layers.Embedding(7, 4)(words)
    x = layers.LSTM(3, return_sequences=True, name="memory")(x)
    x = layers.GRU(4, return_sequences=True, dropout=0.1)(x)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    x = layers.SimpleRNN(4, return_sequences=True, use_bias=False)(x)
    x = layers.TimeDistributed(layers.Dense(4))(x)
    y = layers.MultiHeadAttention(2, 2)(x, x)
    y = layers.LayerNormalization()(y)
    y = layers.Conv1D(3, 2)(y)
    y = layers.PReLU()(y)
    return keras.Model(words, y, name="reader")


def wrapped(keras):
    """A model in a wrapper, as networks over pictures of a film have it."""
    layers = keras.layers
    eye = keras.Sequential([layers.Input((4,)), layers.Dense(3, name="look"), layers.Dense(3, name="see")], name="eye")
    film = layers.Input((5, 4), name="film")
    return keras.Model(film, layers.Dense(2, name="say")(layers.TimeDistributed(eye, name="each")(film)), name="seer")


def narrow(keras):
    layers = keras.layers
    return keras.Sequential([layers.Input((4,)), layers.Dense(3, dtype="bfloat16"), layers.Dense(3, dtype="float16")])


def weights_of(model, path=()):
    """Every layer that is no model, by the names that lead to it, with its weights in the order of its class."""
    found = []
    for layer in model.layers:
        here = [*path, layer.name]
        if hasattr(layer, "layers") and not type(layer).__name__ in ("Bidirectional", "TimeDistributed"):
            found += weights_of(layer, here)
        elif layer.weights:
            values = [np.asarray(weight) for weight in layer.weights]
            found.append(
                {
                    "path": here,
                    "weights": [[list(value.shape), f"{zlib.crc32(value.tobytes()):08x}"] for value in values],
                }
            )
    return found


def deflated(path):
    """The same archive as a common zip tool writes it."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def save(name, library, version, ending, make):
    library.backend.clear_session()
    model = make(library)
    set_weights(model)
    path = os.path.join(PLACE, f"{name}-{version}.{ending}")
    model.save(path)
    if ending == "keras":
        deflated(path)
    with open(path + ".json", "w") as file:
        layers = ",\n".join(json.dumps(layer) for layer in weights_of(model))
        file.write(f'{{"version": "{library.__version__}", "layers": [\n{layers}\n]}}\n')
    print(os.path.basename(path), os.path.getsize(path))


def as_in_2_13(library):
    """Saves in the layout of Keras 2.12 and 2.13: attributes were visited in the order of their names, groups made for all."""
    saving = library.src.saving.saving_lib

    def walk(trackable):
        for name in dir(trackable):
            if name.startswith("__") or name in saving.ATTR_SKIPLIST:
                continue
            try:
                child = getattr(trackable, name)
            except Exception:
                continue
            yield name, child

    class Store(saving.H5IOStore):
        def make(self, path):
            if not path:
                return self.h5_file.create_group("vars")
            return self.h5_file.create_group(path).create_group("vars")

    def save_container(container, weights_store, assets_store, inner_path, visited):
        used = {}
        for child in list(container.values()) if isinstance(container, dict) else container:
            if saving._is_keras_trackable(child):
                name = library.src.utils.generic_utils.to_snake_case(child.__class__.__name__)
                if name in used:
                    used[name] += 1
                    name = f"{name}_{used[name]}"
                else:
                    used[name] = 0
                saving._save_state(child, weights_store, assets_store, os.path.join(inner_path, name), visited)

    saving._save_container_state = lambda container, weights_store, assets_store, inner_path, visited_trackables: (
        save_container(container, weights_store, assets_store, inner_path, visited_trackables)
    )
    saving.ATTR_SKIPLIST = saving.ATTR_SKIPLIST - {"_layer_checkpoint_dependencies"}
    saving._walk_trackable = walk
    saving.H5IOStore = Store


def record_keras():
    import keras
    import tf_keras

    for name, make in {"sequential": sequential, "nested": nested, "sequences": sequences}.items():
        for library, version in [(tf_keras, "2"), (keras, "3")]:
            # One file less: what this one would show, the others do, and it is large.
            for ending in ["keras"] if (name, version) == ("sequential", "3") else ["h5", "keras"]:
                save(name, library, version, ending, make)
    save("wrapped", tf_keras, "2", "h5", wrapped)
    save("wrapped", keras, "3", "h5", wrapped)
    save("wrapped", keras, "3", "keras", wrapped)
    save("narrow", keras, "3", "keras", narrow)
    as_in_2_13(tf_keras)
    for name, make in {"sequential": sequential, "nested": nested, "sequences": sequences}.items():
        save(name, tf_keras, "2.13", "keras", make)


if __name__ == "__main__":
    os.makedirs(PLACE, exist_ok=True)
    what = sys.argv[1:] or ["hdf5", "keras"]
    if "hdf5" in what:
        record_hdf5()
    if "keras" in what:
        record_keras()
