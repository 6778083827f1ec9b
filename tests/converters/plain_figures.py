"""Figures in plain numpy, to hold edgeml's own against."""

import numpy as np

from edgeml.parity import Array


def snr_db(found: Array, expected: Array) -> float | None:
    """Signal to noise in dB, None where there is no noise at all."""
    noise = float(((found - expected) ** 2).sum())
    signal = float((expected**2).sum())
    if noise == 0.0:
        return None
    return float(10 * np.log10(signal / noise)) if signal > 0 else 0.0


def top1_agreement(found: Array, expected: Array) -> float | None:
    """Share of rows with equal arg max over the last axis, None where there is one column only."""
    if expected.ndim < 2 or expected.shape[-1] < 2:
        return None
    return float((found.argmax(axis=-1) == expected.argmax(axis=-1)).mean())
