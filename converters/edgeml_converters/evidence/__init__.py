"""Parity in depth: arrays in, figures out. Needs numpy and scipy, no framework and no engine.

In reading order: `evidence.py` puts all figures of one engine together out of `outputs.py` (with
`classes.py` and `probabilities.py`), `slices.py` and `task.py` (with `metrics.py`, `scores.py`,
`labels.py` and `intervals.py`). The room `parity/` adds the invariants and names what is wrong.
"""
