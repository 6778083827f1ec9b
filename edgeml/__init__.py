"""edgeml takes a trained model to a monitored fleet of devices: the shared language."""

__version__ = "0.1.0"
