"""What runs on a device: engines, the model store, the swap, serving, telemetry."""

import edgeml as edgeml  # before any engine: see edgeml/quiet.py
