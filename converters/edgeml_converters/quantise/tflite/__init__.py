"""A .tflite file in fewer bits."""
