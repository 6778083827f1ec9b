"""From a release to a live model, beside the one that predicts."""
