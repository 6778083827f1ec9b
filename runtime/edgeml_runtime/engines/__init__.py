"""Inference engines behind one class: `base.Engine`."""
