"""The graphs that record-tensorflow.py records: operators with their attributes, control flow, recurrent layers."""

import keras
import numpy as np
import tensorflow as tf
import tf_keras

NEG = -float("inf")


def operators(recorder):
    case = recorder.case
    rng = np.random.default_rng(4)

    def real(*sizes):
        return rng.normal(size=sizes).astype(np.float32)

    def positive(*sizes):
        return rng.uniform(0.2, 3, size=sizes).astype(np.float32)

    def unit(*sizes):
        return rng.uniform(-0.95, 0.95, size=sizes).astype(np.float32)

    def whole(low, high, *sizes, dtype=np.int32):
        return rng.integers(low, high, size=sizes).astype(dtype)

    raw = tf.raw_ops
    x23 = real(2, 3)

    # --- element by element -------------------------------------------------------------------------------------------------
    for op in ["Abs", "Neg", "Sign", "Square", "Exp", "Expm1", "Erf", "Erfc", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Tanh"]:
        case(f"{op}", lambda x, op=op: getattr(raw, op)(x=x), x23)
    for op in ["Sigmoid", "Ceil", "Floor", "Rint", "Round", "IsFinite", "IsInf", "IsNan", "ZerosLike", "OnesLike"]:
        case(f"{op}", lambda x, op=op: getattr(raw, op)(x=x), real(2, 3) * 3)
    case("Round ties", lambda x: raw.Round(x=x), np.float32([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.49]))
    for op in ["Sqrt", "Rsqrt", "Log", "Log1p", "Reciprocal", "Inv"]:
        case(f"{op}", lambda x, op=op: getattr(raw, op)(x=x), positive(2, 3))
    for op in ["Asin", "Acos", "Atanh"]:
        case(f"{op}", lambda x, op=op: getattr(raw, op)(x=x), unit(2, 3))
    case("Acosh", lambda x: raw.Acosh(x=x), positive(2, 3) + 1)
    for op in ["Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign"]:
        case(f"{op}", lambda x, op=op: getattr(raw, op)(features=x), real(2, 3) * 4)
    case("LeakyRelu default", lambda x: raw.LeakyRelu(features=x), x23)
    case("LeakyRelu 0.3", lambda x: raw.LeakyRelu(features=x, alpha=0.3), x23)
    case("Softmax", lambda x: raw.Softmax(logits=x), real(2, 3, 4))
    case("LogSoftmax", lambda x: raw.LogSoftmax(logits=x), real(2, 3, 4))
    case("Relu int32", lambda x: raw.Relu(features=x), whole(-5, 5, 2, 3))
    case("ClipByValue", lambda x: raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.7), x23)
    case("gelu exact", lambda x: tf.nn.gelu(x), x23)
    case("gelu tanh", lambda x: tf.nn.gelu(x, approximate=True), x23)
    case("swish", lambda x: tf.nn.swish(x), x23)

    # --- two operands -------------------------------------------------------------------------------------------------------
    for op in ["Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "Maximum", "Minimum", "SquaredDifference", "FloorDiv", "FloorMod", "Mod", "Atan2"]:
        case(f"{op} f32", lambda x, y, op=op: getattr(raw, op)(**({"y": x, "x": y} if op == "Atan2" else {"x": x, "y": y})), real(2, 3) * 3, real(3) + 0.1)
    for op in ["AddV2", "Sub", "Mul", "Div", "Maximum", "Minimum", "FloorDiv", "FloorMod", "Mod", "TruncateDiv", "TruncateMod", "SquaredDifference"]:
        y = whole(1, 5, 3) * np.int32([1, -1, 1])
        case(f"{op} i32", lambda x, y, op=op: getattr(raw, op)(x=x, y=y), whole(-9, 9, 4, 3), y)
    case("AddV2 u8", lambda x, y: raw.AddV2(x=x, y=y), whole(0, 255, 2, 3, dtype=np.uint8), whole(0, 255, 2, 3, dtype=np.uint8))
    case("FloorMod f32 signs", lambda x, y: raw.FloorMod(x=x, y=y), np.float32([5.5, -5.5, 5.5, -5.5, 6, -6]), np.float32([2, 2, -2, -2, 3, 3]))
    case("Pow", lambda x, y: raw.Pow(x=x, y=y), positive(2, 3), real(2, 3))
    case("Pow i32", lambda x: raw.Pow(x=x, y=tf.constant([2, 3, 1])), whole(-4, 5, 2, 3))
    zeros = np.float32([[0, 2, 0], [1, 0, -3]])
    case("DivNoNan", lambda x, y: raw.DivNoNan(x=x, y=y), x23, zeros)
    case("MulNoNan", lambda x, y: raw.MulNoNan(x=x, y=y), np.float32([[np.inf, 1, 2], [3, np.nan, 5]]), zeros)
    case("Xdivy", lambda x, y: raw.Xdivy(x=x, y=y), zeros, real(2, 3))
    case("Xlogy", lambda x, y: raw.Xlogy(x=x, y=y), zeros, positive(2, 3))
    case("Xlog1py", lambda x, y: raw.Xlog1py(x=x, y=y), zeros, positive(2, 3))
    case("AddN", lambda x, y, z: raw.AddN(inputs=[x, y, z]), real(2, 3), real(2, 3), real(2, 3))
    for op in ["Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"]:
        case(f"{op} i32", lambda x, y, op=op: getattr(raw, op)(x=x, y=y), whole(0, 3, 2, 3), whole(0, 3, 3))
        case(f"{op} f32", lambda x, y, op=op: getattr(raw, op)(x=x, y=y), np.float32([[1, 2, 3]]), np.float32([[1, 3], [2, 1]])[:, :1])
    case("Equal u8", lambda x, y: raw.Equal(x=x, y=y), whole(0, 3, 2, 3, dtype=np.uint8), whole(0, 3, 3, dtype=np.uint8))
    case("ApproximateEqual", lambda x, y: raw.ApproximateEqual(x=x, y=y, tolerance=0.5), real(9), real(9))
    case("LogicalAnd", lambda x, y: raw.LogicalAnd(x=x, y=y), np.array([True, False]), np.array([[True], [False]]))
    case("LogicalOr Not", lambda x, y: raw.LogicalNot(x=raw.LogicalOr(x=x, y=y)), np.array([True, False]), np.array([[True], [False]]))

    # --- types --------------------------------------------------------------------------------------------------------------
    case("Cast f32 i32", lambda x: raw.Cast(x=x, DstT=tf.int32), real(2, 3) * 5)
    case("Cast f32 bool", lambda x: raw.Cast(x=x, DstT=tf.bool), np.float32([0, 0.5, -2]))
    case("Cast u8 f32", lambda x: raw.Cast(x=x, DstT=tf.float32), whole(0, 255, 4, dtype=np.uint8))
    case("Cast i64 i32", lambda x: raw.Cast(x=x, DstT=tf.int32), whole(-9, 9, 4, dtype=np.int64))
    case("Cast bool i64", lambda x: raw.Cast(x=x, DstT=tf.int64), np.array([True, False]))
    half = tf.constant(real(9, 8).astype(np.float16))
    case("Cast weights f16", lambda x: tf.matmul(x, tf.cast(half, tf.float32)), real(2, 9))
    brain = tf.cast(tf.constant(real(9, 8)), tf.bfloat16)
    case("Cast weights bf16", lambda x: tf.matmul(x, tf.cast(brain, tf.float32)), real(2, 9))
    case("Cast f16", lambda x: raw.Cast(x=raw.Cast(x=x, DstT=tf.float16), DstT=tf.float32), x23)

    # --- reductions ---------------------------------------------------------------------------------------------------------
    x234 = real(2, 3, 4)
    for op in ["Mean", "Sum", "Max", "Min", "Prod", "EuclideanNorm"]:
        case(f"{op} axis 1", lambda x, op=op: getattr(raw, op)(input=x, axis=[1]), x234)
        case(f"{op} axes keep", lambda x, op=op: getattr(raw, op)(input=x, axis=[0, -1], keep_dims=True), x234)
    case("Sum all", lambda x: tf.reduce_sum(x), x234)
    case("Sum no axes", lambda x: raw.Sum(input=x, axis=tf.constant([], tf.int32)), x234)
    case("Mean i32", lambda x: raw.Mean(input=x, axis=[1]), whole(-9, 9, 3, 4))
    case("Sum i32", lambda x: raw.Sum(input=x, axis=[1]), whole(-9, 9, 3, 4))
    case("All Any", lambda x: (raw.All(input=x, axis=[1]), raw.Any(input=x, axis=[0], keep_dims=True)), whole(0, 2, 3, 4).astype(bool))
    case("logsumexp", lambda x: tf.reduce_logsumexp(x, axis=-1), x234)
    case("ArgMax", lambda x: raw.ArgMax(input=x, dimension=1), x234)
    case("ArgMin i32 -1", lambda x: raw.ArgMin(input=x, dimension=-1, output_type=tf.int32), x234)
    for exclusive in (False, True):
        for reverse in (False, True):
            case(f"Cumsum {exclusive} {reverse}", lambda x, e=exclusive, r=reverse: raw.Cumsum(x=x, axis=1, exclusive=e, reverse=r), x234)
    case("L2Loss", lambda x: raw.L2Loss(t=x), x23)
    case("ResizeArea", lambda x: raw.ResizeArea(images=x, size=[3, 7]), real(1, 4, 5, 2))
    case("l2_normalize", lambda x: tf.nn.l2_normalize(x, axis=-1), x23)
    case("moments", lambda x: tf.nn.moments(x, axes=[1, 2]), x234)
    case("TopKV2", lambda x: raw.TopKV2(input=x, k=2), x234)

    # --- shapes -------------------------------------------------------------------------------------------------------------
    open0 = ((0, 0),)
    case("Reshape", lambda x: tf.reshape(x, [4, -1]), x234)
    case("Reshape shape arithmetic", lambda x: tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1] * tf.shape(x)[2]]), x234, dynamic=open0)
    case("Flatten like", lambda x: tf.reshape(x, tf.stack([-1, tf.reduce_prod(tf.shape(x)[1:])])), x234, dynamic=open0)
    case("Shape", lambda x: tf.shape(x), x234, dynamic=open0)
    case("Shape i64 Size Rank", lambda x: (tf.shape(x, out_type=tf.int64), tf.size(x), tf.rank(x)), x234, dynamic=open0)
    case("ShapeN", lambda x, y: raw.ShapeN(input=[x, y]), x234, x23)
    case("Shape arithmetic out", lambda x: tf.cast(tf.shape(x)[0], tf.float32) * tf.reduce_sum(x), x234, dynamic=open0)
    case("Shape floor div", lambda x: x[: tf.shape(x)[0] // 2], real(5, 2), dynamic=open0)
    case("Shape mixed i32", lambda x, n: tf.shape(x) + n, x234, np.int32(3), dynamic=open0)
    case("Squeeze", lambda x: raw.Squeeze(input=x, axis=[1, -1]), real(2, 1, 3, 1))
    case("Squeeze all", lambda x: raw.Squeeze(input=x), real(2, 1, 3, 1))
    case("ExpandDims", lambda x: (tf.expand_dims(x, 1), tf.expand_dims(x, -1)), x23)
    case("Transpose", lambda x: tf.transpose(x, [2, 0, 1]), x234)
    case("Concat", lambda x, y: tf.concat([x, y], -1), real(2, 3), real(2, 2))
    case("Split", lambda x: tf.split(x, 2, axis=-1), x234)
    case("SplitV", lambda x: tf.split(x, [1, -1, 1], axis=2), x234)
    case("Pack", lambda x, y: tf.stack([x, y], axis=1), real(2, 3), real(2, 3))
    case("Unpack", lambda x: tf.unstack(x, axis=1), x23)
    case("Tile", lambda x: tf.tile(x, [2, 1, 3]), real(2, 1, 2))
    case("BroadcastTo", lambda x: tf.broadcast_to(x, [2, 2, 3]), real(2, 1))
    case("Fill Range", lambda x: tf.fill([2, 2], 3.5) + x + tf.range(0.0, 2.0, 1.0), real(2, 2))
    case("Range dynamic", lambda x: tf.cast(tf.range(tf.shape(x)[0]), tf.float32)[:, None] + x, real(3, 2), dynamic=open0)
    case("LinSpace", lambda x: x + tf.linspace(-1.0, 1.0, 5), real(5))
    case("DepthToSpace", lambda x: raw.DepthToSpace(input=x, block_size=2), real(1, 2, 3, 8))
    case("SpaceToDepth", lambda x: raw.SpaceToDepth(input=x, block_size=2), real(1, 4, 6, 2))
    case("SpaceToBatchND", lambda x: raw.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[1, 0], [0, 1]]), real(1, 3, 5, 2))
    case("BatchToSpaceND", lambda x: raw.BatchToSpaceND(input=x, block_shape=[2, 2], crops=[[1, 0], [0, 1]]), real(4, 2, 3, 2))
    case("SpaceToBatchND 1", lambda x: raw.SpaceToBatchND(input=x, block_shape=[3], paddings=[[1, 1]]), real(2, 4, 2))

    # --- cuts ---------------------------------------------------------------------------------------------------------------
    x345 = real(3, 4, 5)
    slices = {
        "plain": lambda x: x[1:3, ::2],
        "negative": lambda x: x[-2:, ::-1, -3:-1],
        "shrink": lambda x: x[1, :, 2],
        "shrink last": lambda x: x[:, -1],
        "ellipsis": lambda x: x[..., 1:4],
        "ellipsis middle": lambda x: x[0, ..., 2],
        "new axis": lambda x: x[:, tf.newaxis, 1:, ..., tf.newaxis],
        "all masks": lambda x: x[tf.newaxis, 2, ..., ::-2, tf.newaxis],
    }
    for name, function in slices.items():
        case(f"StridedSlice {name}", function, x345)
    case("StridedSlice computed", lambda x, n: x[n : n + 2, :, n], x345, np.int32(1))
    case("StridedSlice computed last", lambda x, n: x[n], x345, np.int32(-1))
    case("Slice", lambda x: tf.slice(x, [0, 1, 2], [-1, 2, 2]), x345)
    case("Slice computed", lambda x, n: tf.slice(x, [0, n, 0], [2, -1, n]), x345, np.int32(2))
    case("Pad", lambda x: tf.pad(x, [[1, 0], [0, 2]]), x23)
    case("PadV2", lambda x: raw.PadV2(input=x, paddings=[[1, 0], [0, 2]], constant_values=1.5), x23)
    case("Pad computed", lambda x, n: tf.pad(x, tf.stack([[n, 0], [0, n]])), x23, np.int32(2))
    case("MirrorPad reflect", lambda x: tf.pad(x, [[1, 1], [0, 2]], mode="REFLECT"), x23)
    case("MirrorPad symmetric", lambda x: tf.pad(x, [[2, 1], [0, 2]], mode="SYMMETRIC"), x23)
    case("ReverseV2", lambda x: tf.reverse(x, [0, -1]), x345)
    case("ReverseSequence", lambda x: tf.reverse_sequence(x, [1, 2, 4], seq_axis=1, batch_axis=0), x345)
    case("Roll", lambda x: tf.roll(x, [1, -2], [0, 2]), x345)

    # --- positions ----------------------------------------------------------------------------------------------------------
    case("Gather axis 1", lambda x, i: tf.gather(x, i, axis=1), x345, whole(0, 4, 2, 2))
    case("Gather scalar", lambda x: tf.gather(x, 2, axis=0), x345)
    case("Gather batch", lambda x, i: tf.gather(x, i, axis=1, batch_dims=1), x345, whole(0, 4, 3, 2))
    case("Gather batch flat", lambda x, i: tf.gather(x, i, axis=-1, batch_dims=-1), x23, whole(0, 3, 2, 2))
    case("GatherNd", lambda x, i: tf.gather_nd(x, i), x345, whole(0, 3, 2, 2))
    case("Select vector", lambda c, x, y: raw.Select(condition=c, x=x, y=y), np.array([True, False]), real(2, 3), real(2, 3))
    case("SelectV2", lambda c, x, y: raw.SelectV2(condition=c, t=x, e=y), np.array([[True], [False]]), real(2, 3), real(3))
    case("Where", lambda x: tf.where(x > 0), real(3, 4))
    case("OneHot", lambda i: tf.one_hot(i, 4), np.int32([[0, 3], [-1, 7]]))
    case("OneHot axis values", lambda i: tf.one_hot(i, 3, on_value=2.5, off_value=-1.0, axis=1), np.int32([[0, 2], [-1, 1]]))
    case("OneHot i32", lambda i: tf.one_hot(i, 3, on_value=5, off_value=1, axis=0), np.int64([0, 2]))
    case("ScatterNd", lambda i, u: tf.scatter_nd(i, u, [4, 2]), np.int32([[1], [3], [1]]), real(3, 2))
    case("TensorScatterUpdate", lambda x, i, u: tf.tensor_scatter_nd_update(x, i, u), real(4, 2), np.int32([[1], [3]]), real(2, 2))
    case("TensorScatterAdd Sub", lambda x, i, u: tf.tensor_scatter_nd_sub(tf.tensor_scatter_nd_add(x, i, u), i[:1], u[:1]), real(4, 2), np.int32([[1], [1]]), real(2, 2))
    case("InvertPermutation", lambda p: raw.InvertPermutation(x=p), np.int32([2, 0, 1, 3]))
    case("MatrixBandPart", lambda x: (tf.linalg.band_part(x, 1, 0), tf.linalg.band_part(x, -1, 1), tf.linalg.band_part(x, 2, -1)), real(2, 4, 4))
    case("MatrixDiag", lambda x: tf.linalg.diag(x), x23)

    # --- products -----------------------------------------------------------------------------------------------------------
    w34 = tf.constant(real(3, 4))
    b4 = tf.constant(real(4))
    case("MatMul", lambda x, y: tf.matmul(x, y), real(2, 3), real(3, 4))
    case("MatMul transposed", lambda x, y: tf.matmul(x, y, transpose_a=True, transpose_b=True), real(3, 2), real(4, 3))
    case("MatMul weights bias", lambda x: tf.nn.bias_add(tf.matmul(x, w34), b4), real(2, 3), dynamic=open0)
    case("MatMul weights add", lambda x: tf.matmul(x, w34) + b4, real(2, 3), dynamic=open0)
    case("MatMul weights transposed", lambda x: tf.matmul(x, tf.transpose(w34), transpose_b=True), real(2, 3))
    case("MatMul bias used twice", lambda x: (tf.nn.bias_add(tf.matmul(x, w34), b4), tf.nn.relu(tf.matmul(x, w34))), real(2, 3))
    case("BatchMatMul", lambda x, y: raw.BatchMatMulV2(x=x, y=y, adj_x=True, adj_y=True), real(2, 3, 2), real(1, 4, 3))
    case("Dense 3-D", lambda x: tf.tensordot(x, w34, 1) + b4, real(2, 5, 3), dynamic=open0)
    case("Dense 4-D open", lambda x: tf.tensordot(x, w34, 1) + b4, real(2, 5, 2, 3), dynamic=((0, 0), (0, 1)))
    case("Mean reshaped", lambda x: tf.nn.conv2d(tf.reshape(tf.reduce_mean(x, [1, 2]), [-1, 1, 1, 3]), w34[None, None], 1, "SAME") * x[..., :1], real(2, 4, 4, 3), dynamic=open0)
    case("Mean reshaped otherwise", lambda x: tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 1, -1, 3]), real(2, 4, 4, 3), dynamic=open0)
    case("Einsum transposed scores", lambda x, y: tf.einsum("bik,bjk->bji", x, y), real(2, 3, 4), real(2, 5, 4))
    case("Einsum outer", lambda x, y: tf.einsum("bi,bj->bij", x, y), real(2, 3), real(2, 4))
    case("Einsum repeated", lambda x, y: tf.einsum("bii,bj->ij", x, y), real(2, 3, 3), real(2, 4))
    case("Einsum dense", lambda x: tf.einsum("abc,cd->abd", x, w34), real(2, 5, 3), dynamic=open0)
    w = tf.constant(real(6, 2, 3))
    case("Einsum heads", lambda x: tf.einsum("abc,cde->abde", x, w), real(2, 5, 6), dynamic=((0, 0), (0, 1)))
    case("Einsum output", lambda x: tf.einsum("abcd,cde->abe", x, tf.constant(np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 10)), real(2, 5, 2, 3), dynamic=((0, 0), (0, 1)))
    case("Einsum order", lambda x: tf.einsum("abc,dc->dab", x, tf.transpose(w34)), real(2, 5, 3))
    case("Einsum scores", lambda x, y: tf.einsum("aecd,abcd->acbe", x, y), real(2, 3, 2, 4), real(2, 5, 2, 4))
    case("Einsum ellipsis", lambda x, y: tf.einsum("...ij,...jk->...ik", x, y), real(2, 3, 4), real(2, 4, 2))
    case("BiasAdd NCHW", lambda x: raw.BiasAdd(value=x, bias=b4, data_format="NCHW"), real(2, 4, 3, 2))

    # --- convolutions -------------------------------------------------------------------------------------------------------
    x = real(2, 7, 6, 3)
    f = tf.constant(real(3, 3, 3, 4))
    for padding in ("SAME", "VALID", [[0, 0], [1, 2], [0, 1], [0, 0]]):
        for stride in (1, 2):
            name = padding if isinstance(padding, str) else "EXPLICIT"
            case(f"Conv2D {name} {stride}", lambda x, p=padding, s=stride: tf.nn.conv2d(x, f, s, p), x)
    case("Conv2D dilated", lambda x: tf.nn.conv2d(x, f, 1, "SAME", dilations=[2, 1]), x)
    case("Conv2D bias relu", lambda x: tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, f, 1, "SAME"), b4)), x)
    case("Conv2D computed filter", lambda x, f: tf.nn.conv2d(x, f, 1, "SAME"), x, real(3, 3, 3, 2))
    case("Conv2D groups", lambda x: tf.nn.conv2d(x, tf.constant(real(3, 3, 2, 4)), 1, "SAME"), real(1, 5, 5, 4))
    case("Conv2D open size", lambda x: tf.nn.conv2d(x, f, 2, "SAME"), x, dynamic=((0, 0), (0, 1), (0, 2)))
    d1 = tf.constant(real(3, 3, 3, 1))
    d2 = tf.constant(real(3, 3, 3, 2))
    case("Depthwise", lambda x: tf.nn.depthwise_conv2d(x, d1, [1, 2, 2, 1], "SAME"), x)
    case("Depthwise multiplier", lambda x: tf.nn.depthwise_conv2d(x, d2, [1, 1, 1, 1], "VALID", dilations=[2, 2]), x)
    case("Conv1D", lambda x: tf.nn.conv1d(x, tf.constant(real(3, 2, 4)), 2, "SAME"), real(2, 9, 2))
    case("Conv1D bias", lambda x: tf.nn.conv1d(x, tf.constant(real(3, 2, 4)), 1, "VALID") + b4, real(2, 9, 2))
    case("Conv3D", lambda x: tf.nn.conv3d(x, tf.constant(real(2, 2, 2, 2, 3)), [1, 1, 2, 1, 1], "SAME"), real(1, 3, 4, 4, 2))
    case("Conv dilated by batches", lambda x: raw.BatchToSpaceND(
        input=raw.Conv2D(input=raw.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[2, 3], [2, 2]]), filter=f, strides=[1, 1, 1, 1], padding="VALID"),
        block_shape=[2, 2], crops=[[0, 1], [0, 0]]), x)
    case("Conv1D dilated by batches", lambda x: raw.BatchToSpaceND(
        input=tf.nn.conv1d(raw.SpaceToBatchND(input=x, block_shape=[2], paddings=[[4, 1]]), tf.constant(real(3, 2, 4)), 1, "VALID"),
        block_shape=[2], crops=[[0, 1]]), real(2, 9, 2))
    t = tf.constant(real(3, 3, 4, 3))
    for padding in ("SAME", "VALID"):
        case(f"Conv2DBackpropInput {padding}", lambda x, p=padding: tf.nn.conv2d_transpose(x, t, [2, 13 if p == "SAME" else 15, 12 if p == "SAME" else 14, 4], 2, p), x)
    case("Conv2DBackpropInput bias batch", lambda x: tf.nn.bias_add(tf.nn.conv2d_transpose(x, t, tf.stack([tf.shape(x)[0], 14, 12, 4]), 2, "SAME"), b4), x, dynamic=open0)
    case("Conv2DBackpropInput open", lambda x: tf.nn.conv2d_transpose(x, t, tf.stack([tf.shape(x)[0], tf.shape(x)[1] * 2, tf.shape(x)[2] * 2, 4]), 2, "SAME"), x, dynamic=((0, 0), (0, 1), (0, 2)))
    c = [tf.constant(v) for v in (positive(3), real(3), real(3), positive(3))]
    case("FusedBatchNormV3", lambda x: raw.FusedBatchNormV3(x=x, scale=c[0], offset=c[1], mean=c[2], variance=c[3], epsilon=0.001, is_training=False)[0], x)
    case("FusedBatchNormV3 default epsilon", lambda x: raw.FusedBatchNormV3(x=x, scale=c[0], offset=c[1], mean=c[2], variance=c[3] * 0.001, is_training=False)[0], x)
    case("FusedBatchNormV3 training", lambda x: raw.FusedBatchNormV3(x=x, scale=c[0], offset=c[1], mean=tf.constant([], tf.float32), variance=tf.constant([], tf.float32), epsilon=0.001)[0], x)
    case("Conv FusedBatchNorm Relu6", lambda x: tf.nn.relu6(raw.FusedBatchNormV3(x=tf.nn.conv2d(x, f[..., :3], 1, "SAME"), scale=c[0], offset=c[1], mean=c[2], variance=c[3], epsilon=0.001, is_training=False)[0]), x)
    for form, shift, scale in (("", c[1], c[0]), (" without shift", None, c[0]), (" without scale", c[1], None)):
        case(f"batch_normalization{form}", lambda x, s=shift, g=scale: tf.nn.batch_normalization(tf.nn.conv2d(x, f[..., :3], 1, "SAME"), c[2], c[3], s, g, 0.01), x)
    wide_c = [tf.reshape(v, [1, 1, 1, 3]) for v in c]
    case("batch_normalization wide", lambda x: tf.nn.batch_normalization(tf.nn.conv2d(x, f[..., :3], 1, "SAME"), wide_c[2], wide_c[3], wide_c[1], wide_c[0], 0.01), x)
    first_c = [tf.reshape(v, [1, 3, 1, 1]) for v in c]
    case("batch_normalization NCHW", lambda x: tf.nn.batch_normalization(x, first_c[2], first_c[3], first_c[1], first_c[0], 0.01), real(2, 3, 4, 5))
    case("LRN", lambda x: raw.LRN(input=x, depth_radius=2, bias=1.5, alpha=0.5, beta=0.6), real(1, 3, 3, 7))
    for padding in ("SAME", "VALID"):
        case(f"MaxPool {padding}", lambda x, p=padding: tf.nn.max_pool2d(x, 3, 2, p), x)
        case(f"AvgPool {padding}", lambda x, p=padding: tf.nn.avg_pool2d(x, [3, 2], 2, p), x)
    case("Pad MaxPool of negatives", lambda x: tf.nn.max_pool2d(tf.pad(-tf.abs(x), [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID"), x)
    case("Pad AvgPool of negatives", lambda x: tf.nn.avg_pool2d(tf.pad(-tf.abs(x), [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID"), x)
    case("MaxPoolV2", lambda x: raw.MaxPoolV2(input=x, ksize=[1, 2, 2, 1], strides=[1, 1, 2, 1], padding="SAME"), x)
    case("MaxPool explicit", lambda x: raw.MaxPool(input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 1, 0, 1, 0, 0]), x)
    case("MaxPool3D AvgPool3D", lambda x: (tf.nn.max_pool3d(x, 2, 2, "SAME"), tf.nn.avg_pool3d(x, 2, 1, "SAME")), real(1, 3, 4, 5, 2))

    # --- pictures and boxes -------------------------------------------------------------------------------------------------
    small = real(1, 4, 5, 2)
    for align, half in ((False, False), (True, False), (False, True)):
        for size in ([7, 9], [2, 3]):
            case(f"ResizeBilinear {align} {half} {size}", lambda x, a=align, h=half, s=size: raw.ResizeBilinear(images=x, size=s, align_corners=a, half_pixel_centers=h), small)
            case(f"ResizeNearestNeighbor {align} {half} {size}", lambda x, a=align, h=half, s=size: raw.ResizeNearestNeighbor(images=x, size=s, align_corners=a, half_pixel_centers=h), small)
            case(f"ResizeBicubic {align} {half} {size}", lambda x, a=align, h=half, s=size: raw.ResizeBicubic(images=x, size=s, align_corners=a, half_pixel_centers=h), small)
    case("Resize computed", lambda x: tf.image.resize(x, tf.shape(x)[1:3] * 2), small, dynamic=((0, 1), (0, 2)))
    corners = rng.uniform(0, 1, size=(12, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + 0.3 + 0.2 * rng.uniform(size=(12, 2)).astype(np.float32)], 1)
    scores = rng.uniform(size=12).astype(np.float32)
    case("NonMaxSuppressionV2", lambda b, s: raw.NonMaxSuppressionV2(boxes=b, scores=s, max_output_size=5, iou_threshold=0.3), boxes, scores)
    case("NonMaxSuppressionV3", lambda b, s: tf.image.non_max_suppression(b, s, 8, 0.4, 0.25), boxes, scores)
    case("NonMaxSuppressionV4", lambda b, s: raw.NonMaxSuppressionV4(boxes=b, scores=s, max_output_size=9, iou_threshold=0.3, score_threshold=0.2, pad_to_max_output_size=True), boxes, scores)
    case("NonMaxSuppressionV5", lambda b, s: raw.NonMaxSuppressionV5(boxes=b, scores=s, max_output_size=6, iou_threshold=0.3, score_threshold=0.2, soft_nms_sigma=0.0, pad_to_max_output_size=True), boxes, scores)
    classes = rng.uniform(size=(1, 12, 3)).astype(np.float32)
    case("CombinedNonMaxSuppression", lambda b, s: tf.image.combined_non_max_suppression(b, s, 4, 10, 0.3, 0.35), boxes[None, :, None, :], classes)

    # --- rounding to a grid -------------------------------------------------------------------------------------------------
    wide = real(2, 5, 3) * 4
    for bits in (8, 4, 16):
        for narrow in (False, True):
            case(f"FakeQuantArgs {bits} {narrow}", lambda x, b=bits, n=narrow: tf.nn.relu(tf.quantization.fake_quant_with_min_max_args(x * 1.5, -3.1, 5.2, num_bits=b, narrow_range=n)) + 0.5, wide)
    case("FakeQuantArgs default", lambda x: tf.quantization.fake_quant_with_min_max_args(tf.abs(x)), wide)
    case("FakeQuantVars", lambda x: tf.quantization.fake_quant_with_min_max_vars(tf.abs(x), tf.constant(0.0), tf.constant(6.0)), wide)
    case("FakeQuantVars of input", lambda x: tf.quantization.fake_quant_with_min_max_vars(x, tf.constant(-2.0), tf.constant(6.0)), wide)
    case("FakeQuantVars beside", lambda x: (lambda y: tf.quantization.fake_quant_with_min_max_vars(y, tf.constant(-2.0), tf.constant(6.0)) + 10 * y)(tf.tanh(x) * 3), wide)
    case("FakeQuantVars weights", lambda x: tf.matmul(x, tf.quantization.fake_quant_with_min_max_vars(w34, tf.constant(-1.1), tf.constant(1.3), narrow_range=True)), real(2, 3))
    case("FakeQuantPerChannel weights", lambda x: tf.matmul(x, tf.quantization.fake_quant_with_min_max_vars_per_channel(w34, tf.constant([-1.0, -0.5, -2, -0.1]), tf.constant([1.0, 0.5, 2, 0.3]), narrow_range=True)), real(2, 3))
    case("FakeQuantPerChannel conv", lambda x: tf.nn.conv2d(x, tf.quantization.fake_quant_with_min_max_vars_per_channel(f, tf.constant([-1.0, -0.5, -2, -0.1]), tf.constant([1.0, 0.5, 2, 0.3])), 1, "SAME"), real(1, 4, 4, 3))
    case("FakeQuantPerChannel values", lambda x: tf.quantization.fake_quant_with_min_max_vars_per_channel(x, tf.constant([-1.0, -0.5, -2]), tf.constant([1.0, 0.5, 3])), wide)
    case("QuantizeAndDequantizeV4", lambda x: raw.QuantizeAndDequantizeV4(input=tf.tanh(x), input_min=-1.0, input_max=1.0, range_given=True), wide)

    # --- what grappler and the TF.js converter make -------------------------------------------------------------------------
    def fuse(op, fused_ops, extra=None):
        def rewrite(graph):
            for node in graph["nodes"]:
                if node["op"] == op:
                    node["op"] = "_Fused" + op if op != "DepthwiseConv2dNative" else "FusedDepthwiseConv2dNative"
                    node["inputs"] = node["inputs"] + [[name, 0] for name in extra or []]
                    node["attrs"]["fused_ops"] = {"list": [{"string": one} for one in fused_ops]}
                    node["attrs"]["num_args"] = {"int": 1}
                    product = node
            # What followed is inside now: the last node of the chain takes the product's place.
            last = graph["outputs"][0]["ref"][0]
            while True:
                node = next(one for one in graph["nodes"] if one["name"] == last)
                if node["op"] != "Identity":
                    break
                last = node["inputs"][0][0]
            graph["nodes"] = [one for one in graph["nodes"] if one["name"] != last]
            for one in graph["nodes"]:
                one["inputs"] = [[product["name"], at] if name == last else [name, at] for name, at in one["inputs"]]
            for one in graph["outputs"]:
                if one["ref"][0] == last:
                    one["ref"] = [product["name"], 0]

        return rewrite

    def named(value, name):
        return tf.constant(value, name=name)

    bias = real(4)
    alpha = positive(4) / 4
    case("_FusedConv2D bias relu", lambda x: tf.nn.relu(tf.nn.conv2d(x, f, 2, "SAME") + named(bias, "bias")), x, rewrite=fuse("Conv2D", ["BiasAdd", "Relu"], ["bias"]))
    case("_FusedConv2D bias leaky", lambda x: tf.nn.leaky_relu(tf.nn.conv2d(x, f, 2, "SAME") + named(bias, "bias")), x, rewrite=fuse("Conv2D", ["BiasAdd", "LeakyRelu"], ["bias"]))
    case("_FusedConv2D prelu", lambda x: (lambda y, a: tf.maximum(y, 0) + a * tf.minimum(y, 0))(tf.nn.conv2d(x, f, 1, "VALID") + named(bias, "bias"), named(alpha, "alpha")), x, rewrite=fuse("Conv2D", ["BiasAdd", "Prelu"], ["bias", "alpha"]))
    case("FusedDepthwise bias relu6", lambda x: tf.nn.relu6(tf.nn.depthwise_conv2d(x, d1, [1, 1, 1, 1], "SAME") + named(bias[:3], "bias")), x, rewrite=fuse("DepthwiseConv2dNative", ["BiasAdd", "Relu6"], ["bias"]))
    case("_FusedMatMul bias tanh", lambda x: tf.tanh(tf.matmul(x, w34) + named(bias, "bias")), real(2, 3), rewrite=fuse("MatMul", ["BiasAdd", "Tanh"], ["bias"]))

    # --- Fourier ------------------------------------------------------------------------------------------------------------
    case("RFFT magnitude", lambda x: tf.abs(tf.signal.rfft(x)), real(2, 16))
    case("RFFT padded parts", lambda x: (lambda y: (tf.math.real(y), tf.math.imag(y)))(tf.signal.rfft(x, [20])), real(2, 16))
    case("RFFT cut", lambda x: tf.abs(tf.signal.rfft(x, [10])), real(2, 16))
    case("RFFT long", lambda x: tf.abs(tf.signal.rfft(tf.sin(x), [2048])) / 100, real(1, 40))
    case("stft", lambda x: tf.abs(tf.signal.stft(x, 16, 8, 16)), real(2, 60))


def control(recorder):
    case = recorder.case
    rng = np.random.default_rng(5)

    def real(*sizes):
        return rng.normal(size=sizes).astype(np.float32)

    case("If", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x - 1), real(2, 3))
    case("If else", lambda x: tf.cond(tf.reduce_sum(x) > 1e3, lambda: (x * 2, tf.shape(x)), lambda: (x - 1, tf.shape(x) + 1)), real(2, 3))
    case("If nested", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: tf.cond(x[0, 0] > 0, lambda: x, lambda: -x), lambda: tf.nn.relu(x)), real(2, 3))
    case("If constant", lambda x: tf.cond(tf.constant(True), lambda: x * 2, lambda: x - 1), real(2, 3))
    case("If number", lambda n, x: tf.raw_ops.If(cond=n, input=[x], Tout=[tf.float32], then_branch=tf.function(lambda x: x + 1).get_concrete_function(tf.TensorSpec([2], tf.float32)), else_branch=tf.function(lambda x: x - 1).get_concrete_function(tf.TensorSpec([2], tf.float32)))[0], np.int32(3), real(2), plain=True)

    case("Case", lambda n, x: tf.switch_case(n, [lambda: x * 2, lambda: x - 1, lambda: tf.nn.relu(x)]), np.int32(1), real(3), plain=True)
    case("Case default", lambda n, x: tf.switch_case(n, [lambda: x * 2, lambda: x - 1, lambda: tf.nn.relu(x)]), np.int32(7), real(3), plain=True)

    case("While counter", lambda x: tf.while_loop(lambda i, y: i < 5, lambda i, y: (i + 1, y * 1.5 + tf.cast(i, tf.float32)), [0, x])[1], real(2, 3))
    case("While condition", lambda x: tf.while_loop(lambda y: tf.reduce_sum(y) < 100, lambda y: y * 2, [x])[0], np.abs(real(3)) + 0.1)
    case("While zero times", lambda x: tf.while_loop(lambda y: tf.reduce_sum(y) < -100, lambda y: y * 2, [x])[0], real(3))
    case("While nested", lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.while_loop(lambda j, z: j < i, lambda j, z: (j + 1, z + x), [0, y])[1]), [0, x])[1], real(3))
    case("While growing", lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.concat([y, y[:1] * 2], 0)), [0, x], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 2])])[1], real(2, 2))

    def scan(x):
        return tf.scan(lambda a, b: a * 0.5 + b, x)

    case("scan", scan, real(5, 2))
    case("scan reverse", lambda x: tf.scan(lambda a, b: a * 0.5 + b, x, reverse=True), real(5, 2))
    case("map_fn", lambda x: tf.map_fn(lambda row: tf.reduce_sum(row) * row, x), real(4, 3))
    case("map_fn open", lambda x: tf.map_fn(lambda row: tf.reduce_sum(row) * row, x), real(4, 3), dynamic=((0, 0),))
    case("foldl", lambda x: tf.foldl(lambda a, b: a * 0.5 + b, x), real(4, 3))

    def array(x):
        written = tf.TensorArray(tf.float32, size=6, element_shape=[3])
        for at in tf.range(4):
            written = written.write(at + 1, x[at] * 2)
        return written.stack()

    case("TensorArray written with gaps", tf.function(array), real(4, 3))

    def pushed(x):
        written = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=[3])
        for at in tf.range(tf.shape(x)[0]):
            written = written.write(at, tf.tanh(x[at]))
        return written.stack(), written.size()

    case("TensorArray growing", tf.function(pushed), real(4, 3), dynamic=((0, 0),))

    def gathered(x):
        array = tf.TensorArray(tf.float32, size=4).unstack(x)
        return array.gather([2, 0]), array.read(3), array.concat()

    case("TensorArray gather", gathered, real(4, 2, 3))


def recurrent(recorder):
    case = recorder.case
    rng = np.random.default_rng(6)

    def seeded(layer):
        for variable in layer.weights:
            variable.assign(rng.normal(size=variable.shape).astype(np.float32) * 0.4)
        return layer

    def real(*sizes):
        return rng.normal(size=sizes).astype(np.float32)

    x = real(2, 5, 3)
    for version, layers in (("Keras 2", tf_keras.layers), ("Keras 3", keras.layers)):

        def record(name, layer, *more, version=version, dynamic=((0, 0),), inputs=(x,)):
            layer.build(inputs[0].shape)
            seeded(layer)
            case(f"{version} {name}", lambda *given: layer(given[0], **({"initial_state": list(given[1:])} if len(given) > 1 else {})), *inputs, *more, dynamic=dynamic)

        lstm, gru, simple = layers.LSTM, layers.GRU, layers.SimpleRNN
        record("LSTM", lstm(4))
        record("LSTM sequences", lstm(4, return_sequences=True))
        record("LSTM state", lstm(4, return_sequences=True, return_state=True))
        record("LSTM last state", lstm(4, return_state=True))
        record("LSTM backwards", lstm(4, return_sequences=True, go_backwards=True))
        record("LSTM initial", lstm(4, return_sequences=True), real(2, 4), real(2, 4), dynamic=())
        record("LSTM no bias", lstm(4, use_bias=False))
        record("LSTM relu", lstm(4, activation="relu", recurrent_activation="sigmoid", return_sequences=True))
        record("LSTM hard sigmoid", lstm(4, recurrent_activation="hard_sigmoid"))
        record("LSTM open time", lstm(4, return_sequences=True), dynamic=((0, 0), (0, 1)))
        record("GRU", gru(4))
        record("GRU sequences", gru(4, return_sequences=True))
        record("GRU before", gru(4, reset_after=False, return_sequences=True))
        record("GRU backwards state", gru(4, go_backwards=True, return_state=True, return_sequences=True))
        record("GRU no bias", gru(4, use_bias=False))
        record("GRU initial", gru(4), real(2, 4), dynamic=())
        record("SimpleRNN", simple(4, return_sequences=True))
        record("SimpleRNN relu", simple(4, activation="relu", use_bias=False))
        record("Bidirectional LSTM", layers.Bidirectional(lstm(3, return_sequences=True)))
        record("Bidirectional GRU last", layers.Bidirectional(gru(3), merge_mode="sum"))
        record("RNN cells", layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True))
        record("LSTM unrolled", lstm(2, unroll=True, return_sequences=True), inputs=(real(2, 3, 2),))
    record_masked = tf_keras.Sequential([tf_keras.layers.Masking(input_shape=(5, 3)), tf_keras.layers.LSTM(4)])
    seeded(record_masked)
    masked = np.array(x)
    masked[0, 3:] = 0
    case("Keras 2 LSTM masked", lambda given: record_masked(given), masked, dynamic=((0, 0),))
    layer = tf_keras.layers.LSTM(4, time_major=True, return_sequences=True)
    layer.build((5, 2, 3))
    seeded(layer)
    case("Keras 2 LSTM time major", lambda given: layer(given), real(5, 2, 3), dynamic=((0, 1),))
    layer1d = tf_keras.layers.ConvLSTM2D(2, 2, padding="same")
    layer1d.build((1, 3, 3, 3, 1))
    seeded(layer1d)
    case("Keras 2 ConvLSTM2D", lambda given: layer1d(given), real(1, 3, 3, 3, 1))
