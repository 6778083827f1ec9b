"""The ways from a framework's model to a converted file; only the worker loads these."""
