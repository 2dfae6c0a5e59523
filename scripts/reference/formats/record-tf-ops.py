"""Writes what TensorFlow's registry says about operators as tables: python record-tf-ops.py src/formats/tensorflow/graph-def

op-outputs.ts: names of outputs of operators with several, by which nodes in functions refer to them.
op-defaults.ts: attributes that SavedModels leave out because they have their default value. Needs TensorFlow.
"""

import json
import re
import sys

import tensorflow as tf
from tensorflow.core.framework import op_def_pb2, types_pb2
from tensorflow.python.client import pywrap_tf_session

OPS = op_def_pb2.OpList()
OPS.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
# Operators of other machines and of TensorFlow's own tests: never in a model that is run here.
ELSEWHERE = re.compile(
    r"TPU|Tpu|Boosted|Sdca|Dataset|Summary|Risc|Collective|Xla|Nccl|Bigtable|Mkl|Debug|Kafka|TensorForest|Distributed|Rpc|SparseCore|Minibatch"
    r"|^(Foo|Two|Ref[OF]|Int(Input|Output)|Float|Five|Mixed|Complex(Struct)|None|Namespace|Test|Anonymous|Deduped|Split(Dedup))|DedupData"
)
RELEVANT = set(
    """Abs Acos Acosh Add AddN AddV2 AdjustContrastv2 All Any ArgMax ArgMin AsString Asin Asinh Assert Atan Atan2 Atanh AudioSpectrogram AvgPool
    AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpace BatchToSpaceND BiasAdd Bincount BroadcastTo Bucketize Case Cast
    Ceil CheckNumerics ClipByValue CombinedNonMaxSuppression Complex ComplexAbs Concat ConcatV2 Const Conv2D Conv2DBackpropInput Conv3D
    Conv3DBackpropInputV2 Cos Cosh CropAndResize Cross Cumprod Cumsum CumulativeLogsumexp DecodeBase64 DecodeImage DecodeJpeg DecodePng
    DecodeRaw DecodeWav DenseBincount DepthToSpace DepthwiseConv2dNative Dequantize Diag Dilation2D Div DivNoNan DynamicPartition
    DynamicStitch Einsum Elu Empty EmptyTensorList EnsureShape Equal Erf Erfc Exp ExpandDims Expm1 ExtractImagePatches FFT
    FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod FusedBatchNorm
    FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater HashTable HashTableV2 IFFT IRFFT Identity IdentityN If Imag InTopK
    InTopKV2 IsFinite IsInf IsNan LRN LeakyRelu Less LinSpace ListDiff Log Log1p LogSoftmax LogicalAnd LookupTableFind LookupTableFindV2
    LowerBound MatMul MatrixBandPart MatrixDiag MatrixDiagPartV3 MatrixDiagV3 MatrixSetDiagV3 Max MaxPool MaxPool3D MaxPoolV2
    MaxPoolWithArgmax Maximum Mean Mfcc Min MirrorPad Mod Mul Multinomial NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3
    NonMaxSuppressionV4 NonMaxSuppressionV5 NotEqual OneHot OnesLike Pack Pad PadV2 ParseExample ParseExampleV2 PartitionedCall Placeholder
    PlaceholderWithDefault Pow Prod QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 RFFT RGBToHSV
    RandomStandardNormal RandomUniform RandomUniformInt Range Rank Real RealDiv Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ResourceGather ResourceGatherNd Reverse ReverseSequence ReverseV2 Roll Round Rsqrt ScatterNd SegmentSum Select
    SelectV2 Selu Shape ShapeN Sigmoid Size Slice Softmax Softplus Softsign SpaceToBatch SpaceToBatchND SpaceToDepth SparseToDense Split
    SplitV Squeeze StatefulPartitionedCall StatelessIf StatelessWhile StatelessCase StaticRegexReplace StridedSlice StringJoin StringLower StringSplitV2
    StringToHashBucketFast Sub Sum TensorArrayV3 TensorListConcatV2 TensorListFromTensor TensorListGather TensorListGetItem TensorListReserve
    TensorListSetItem TensorListStack Tile TopK TopKV2 TopKWithUnique Transpose Unique UniqueV2 Unpack UnravelIndex UnsortedSegmentSum
    UpperBound VarHandleOp Variable VariableShape VariableV2 Where While Xlogy ZerosLike _FusedBatchNormEx _FusedConv2D
    _FusedDepthwiseConv2dNative _FusedMatMul""".split()
)


def dtype(code):
    return types_pb2.DataType.Name(code)


def value(attr):
    default = attr.default_value
    kind = default.WhichOneof("value")
    if kind == "list":
        parts = default.list
        return (
            {"i": list(parts.i)} if parts.i else {"f": list(parts.f)} if parts.f else {"s": [s.decode() for s in parts.s]} if parts.s else {}
        )
    if kind == "type":
        return dtype(default.type)
    if kind == "shape":
        return None if default.shape.unknown_rank else [d.size for d in default.shape.dim]
    return {"i": default.i, "f": float(f"{default.f:.9g}"), "b": default.b, "s": default.s.decode()}[kind]


def tell(attr):
    kind = attr.type
    short = {"int": "i", "float": "f", "bool": "b", "string": "s", "type": "t", "shape": "h"}.get(kind, "l")
    return f"{attr.name}:{short}={json.dumps(value(attr), separators=(',', ':'))}"


def rows(groups):
    return "\n".join(f"{' '.join(names)} | {facts}" for facts, names in groups.items())


def write(path, head, name, groups):
    with open(path, "w") as file:
        file.write(f"/**\n * {head} Written by\n * scripts/reference/formats/record-tf-ops.py from TensorFlow {tf.__version__}.\n */\n\n")
        text = rows(groups).replace("\\", "\\\\").replace("`", "\\`")
        file.write(f"export const {name} = `\n{text}\n`;\n")


outputs, defaults = {}, {}
for op in sorted(OPS.op, key=lambda op: op.name):
    if len(op.output_arg) > 1 and not ELSEWHERE.search(op.name):
        length = lambda arg: f"*{arg.number_attr}" if arg.number_attr else f"@{arg.type_list_attr}" if arg.type_list_attr else ""
        outputs.setdefault(" ".join(arg.name + length(arg) for arg in op.output_arg), []).append(op.name)
    if op.name in RELEVANT:
        facts = " ".join(tell(attr) for attr in op.attr if attr.HasField("default_value") and attr.name not in ("use_cudnn_on_gpu", "config", "config_proto", "executor_type"))
        if facts:
            defaults.setdefault(facts, []).append(op.name)
write(f"{sys.argv[1]}/op-outputs.ts", "Outputs of operators that have several: `name`, `name*attribute` for as many as an integer says, `name@attribute` for one of each type.", "OUTPUT_ROWS", outputs)
write(f"{sys.argv[1]}/op-defaults.ts", "Attributes with a default value: `name:kind=JSON`, with kinds i, f, b, s, t (type), h (shape) and l (list).", "DEFAULT_ROWS", defaults)
