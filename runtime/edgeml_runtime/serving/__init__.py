"""Predictions for other processes of the device: Open Inference Protocol V2."""
