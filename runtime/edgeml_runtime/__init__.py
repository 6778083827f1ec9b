"""What runs on a device: engines, the model store, the swap, serving, telemetry."""
