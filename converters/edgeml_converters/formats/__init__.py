"""What is inside .onnx, .tflite and .npz files: read, walked and written here and nowhere else."""
