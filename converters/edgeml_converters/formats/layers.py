"""Which inputs of each op take a layer's weights."""

ONNX_WEIGHTS: dict[str, tuple[int, ...]] = {
    "Attention": (1,),
    "Conv": (1,),
    "ConvInteger": (1,),
    "ConvTranspose": (1,),
    "DynamicQuantizeLSTM": (1, 2),
    "DynamicQuantizeMatMul": (1,),
    "Einsum": (0, 1),
    "GRU": (1, 2),
    "Gather": (0,),
    "Gemm": (0, 1),
    "LSTM": (1, 2),
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "QAttention": (1,),
    "QLinearConv": (3,),
    "QLinearMatMul": (0, 3),
    "RNN": (1, 2),
}
"""Those of quantised ops stand there too."""

TFLITE_WEIGHTS: dict[str, tuple[int, ...]] = {
    "BATCH_MATMUL": (0, 1),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 9), 15, *range(18, 26), 32),
    "BIDIRECTIONAL_SEQUENCE_RNN": (1, 2, 4, 5),
    "CONV_2D": (1,),
    "CONV_3D": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "EMBEDDING_LOOKUP": (1,),
    "FULLY_CONNECTED": (1,),
    "GATHER": (0,),
    "SVDF": (1, 2),
    "TRANSPOSE_CONV": (1,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 9), 16),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
}
