"""An .onnx file in fewer bits."""
