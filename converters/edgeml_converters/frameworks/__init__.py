"""Models as their frameworks hold them, behind one small class; only the worker loads these."""
