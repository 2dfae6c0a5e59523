/**
 * Attributes with a default value: `name:kind=JSON`, with kinds i, f, b, s, t (type), h (shape) and l (list). Written by
 * scripts/reference/formats/record-tf-ops.py from TensorFlow 2.21.0.
 */

export const DEFAULT_ROWS = `
AdjustContrastv2 RGBToHSV | T:t="DT_FLOAT"
All Any Max Mean Min Prod Sum | keep_dims:b=false Tidx:t="DT_INT32"
ArgMax ArgMin | Tidx:t="DT_INT32" output_type:t="DT_INT64"
AsString | precision:i=-1 scientific:b=false shortest:b=false width:i=-1 fill:s=""
Assert | summarize:i=3
AudioSpectrogram | magnitude_squared:b=false
AvgPool BiasAdd DepthToSpace SpaceToDepth | data_format:s="NHWC"
AvgPool3D MaxPool3D | data_format:s="NDHWC"
BatchMatMul BatchMatMulV2 BatchMatMulV3 | adj_x:b=false adj_y:b=false grad_x:b=false grad_y:b=false
BatchToSpace BroadcastTo ConcatV2 LinSpace Range ReverseV2 UnravelIndex | Tidx:t="DT_INT32"
BatchToSpaceND | Tblock_shape:t="DT_INT32" Tcrops:t="DT_INT32"
Case If StatelessCase StatelessIf | output_shapes:l={}
Cast | Truncate:b=false
CombinedNonMaxSuppression | pad_per_class:b=false clip_boxes:b=true
Complex | T:t="DT_FLOAT" Tout:t="DT_COMPLEX64"
ComplexAbs Imag Real | T:t="DT_COMPLEX64" Tout:t="DT_FLOAT"
Conv2D Conv2DBackpropInput DepthwiseConv2dNative | explicit_paddings:l={} data_format:s="NHWC" dilations:l={"i":[1,1,1,1]}
Conv3D | data_format:s="NDHWC" dilations:l={"i":[1,1,1,1,1]}
Conv3DBackpropInputV2 | data_format:s="NDHWC" dilations:l={"i":[1,1,1,1,1]} Tshape:t="DT_INT32"
CropAndResize | method:s="bilinear" extrapolation_value:f=0.0
Cumprod Cumsum CumulativeLogsumexp | exclusive:b=false reverse:b=false Tidx:t="DT_INT32"
DecodeImage | channels:i=0 dtype:t="DT_UINT8" expand_animations:b=true
DecodeJpeg | channels:i=0 ratio:i=1 fancy_upscaling:b=true try_recover_truncated:b=false acceptable_fraction:f=1.0 dct_method:s=""
DecodePng | channels:i=0 dtype:t="DT_UINT8"
DecodeRaw | little_endian:b=true
DecodeWav | desired_channels:i=-1 desired_samples:i=-1
DenseBincount | binary_output:b=false
Dequantize | mode:s="MIN_COMBINED" narrow_range:b=false axis:i=-1 dtype:t="DT_FLOAT"
Empty | init:b=false
Equal NotEqual | incompatible_shape_error:b=true
ExpandDims | Tdim:t="DT_INT32"
FFT IFFT | Tcomplex:t="DT_COMPLEX64"
FakeQuantWithMinMaxArgs | min:f=-6.0 max:f=6.0 num_bits:i=8 narrow_range:b=false
FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel | num_bits:i=8 narrow_range:b=false
Fill | index_type:t="DT_INT32"
FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 | epsilon:f=9.99999975e-05 exponential_avg_factor:f=1.0 data_format:s="NHWC" is_training:b=true
Gather SparseToDense | validate_indices:b=true
GatherNd ScatterNd | bad_indices_policy:s=""
GatherV2 | batch_dims:i=0
HashTable HashTableV2 | container:s="" shared_name:s="" use_node_name_sharing:b=false
IRFFT RFFT | Treal:t="DT_FLOAT" Tcomplex:t="DT_COMPLEX64"
InTopK InTopKV2 | T:t="DT_INT32"
LRN | depth_radius:i=5 bias:f=1.0 alpha:f=1.0 beta:f=0.5 T:t="DT_FLOAT"
LeakyRelu | alpha:f=0.200000003 T:t="DT_FLOAT"
ListDiff Unique | out_idx:t="DT_INT32"
LowerBound Shape ShapeN Size UpperBound VariableShape | out_type:t="DT_INT32"
MatMul | transpose_a:b=false transpose_b:b=false grad_a:b=false grad_b:b=false
MatrixBandPart | Tindex:t="DT_INT64"
MatrixDiagPartV3 MatrixDiagV3 MatrixSetDiagV3 | align:s="RIGHT_LEFT"
MaxPool | T:t="DT_FLOAT" explicit_paddings:l={} data_format:s="NHWC"
MaxPoolV2 | T:t="DT_FLOAT" data_format:s="NHWC"
MaxPoolWithArgmax | Targmax:t="DT_INT64" include_batch_in_index:b=false
Mfcc | upper_frequency_limit:f=4000.0 lower_frequency_limit:f=20.0 filterbank_channel_count:i=40 dct_coefficient_count:i=13
MirrorPad Pad PadV2 SpaceToBatch | Tpaddings:t="DT_INT32"
Multinomial | seed:i=0 seed2:i=0 output_dtype:t="DT_INT64"
NonMaxSuppression | iou_threshold:f=0.5
NonMaxSuppressionV2 NonMaxSuppressionV3 | T:t="DT_FLOAT" T_threshold:t="DT_FLOAT"
NonMaxSuppressionV4 | T:t="DT_FLOAT" T_threshold:t="DT_FLOAT" pad_to_max_output_size:b=false
NonMaxSuppressionV5 | T:t="DT_FLOAT" pad_to_max_output_size:b=false
OneHot | axis:i=-1 TI:t="DT_INT64"
Pack Unpack | axis:i=0
Placeholder | shape:h=null
QuantizeAndDequantizeV2 QuantizeAndDequantizeV4 | signed_input:b=true num_bits:i=8 range_given:b=false round_mode:s="HALF_TO_EVEN" narrow_range:b=false axis:i=-1
QuantizeAndDequantizeV3 | signed_input:b=true range_given:b=true narrow_range:b=false axis:i=-1
QuantizeV2 | mode:s="MIN_COMBINED" round_mode:s="HALF_AWAY_FROM_ZERO" narrow_range:b=false axis:i=-1 ensure_minimum_range:f=0.00999999978
RandomStandardNormal RandomUniform RandomUniformInt | seed:i=0 seed2:i=0
Reshape TensorListGetItem | Tshape:t="DT_INT32"
ResizeArea | align_corners:b=false
ResizeBicubic ResizeBilinear ResizeNearestNeighbor | align_corners:b=false half_pixel_centers:b=false
ResourceGather | batch_dims:i=0 validate_indices:b=true
ReverseSequence | batch_dim:i=0 Tlen:t="DT_INT64"
SpaceToBatchND | Tblock_shape:t="DT_INT32" Tpaddings:t="DT_INT32"
SplitV | Tlen:t="DT_INT64"
Squeeze | squeeze_dims:l={}
StatelessWhile While | output_shapes:l={} parallel_iterations:i=10
StaticRegexReplace | replace_global:b=true
StridedSlice | begin_mask:i=0 end_mask:i=0 ellipsis_mask:i=0 new_axis_mask:i=0 shrink_axis_mask:i=0
StringJoin | separator:s=""
StringLower | encoding:s=""
StringSplitV2 | maxsplit:i=-1
TensorArrayV3 | element_shape:h=null dynamic_size:b=false clear_after_read:b=true identical_element_shapes:b=false tensor_array_name:s=""
TensorListSetItem | resize_if_index_out_of_bounds:b=false
TensorListStack | num_elements:i=-1
Tile | Tmultiples:t="DT_INT32"
TopK | sorted:b=true
TopKV2 | sorted:b=true Tk:t="DT_INT32" index_type:t="DT_INT32"
Transpose | Tperm:t="DT_INT32"
UniqueV2 | Taxis:t="DT_INT64" out_idx:t="DT_INT32"
UnsortedSegmentSum | Tnumsegments:t="DT_INT32"
VarHandleOp | container:s="" shared_name:s="" debug_name:s="" allowed_devices:l={}
Variable VariableV2 | container:s="" shared_name:s=""
Where | T:t="DT_BOOL"
_FusedBatchNormEx | epsilon:f=9.99999975e-05 exponential_avg_factor:f=1.0 num_side_inputs:i=0 activation_mode:s="Identity" data_format:s="NHWC" is_training:b=true
_FusedConv2D | num_host_args:i=0 explicit_paddings:l={} data_format:s="NHWC" filter_format:s="HWIO" dilations:l={"i":[1,1,1,1]} fused_ops:l={} epsilon:f=9.99999975e-05 leakyrelu_alpha:f=0.200000003
_FusedDepthwiseConv2dNative | data_format:s="NHWC" dilations:l={"i":[1,1,1,1]} fused_ops:l={} epsilon:f=9.99999975e-05 leakyrelu_alpha:f=0.200000003
_FusedMatMul | transpose_a:b=false transpose_b:b=false fused_ops:l={} epsilon:f=9.99999975e-05 leakyrelu_alpha:f=0.200000003
`;
