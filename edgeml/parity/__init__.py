"""Parity: does this model still say what the original said? Pure numpy, on workstation and device.

tolerance.py holds the rule that is in force; the others hold the rule by roles that takes its
place: what an output means (roles.py), the figures that are judged (figures.py and what it calls),
and where each limit comes from (limits.py).
"""

from edgeml.parity.tolerance import (
    Array,
    OutputParity,
    Tolerance,
    compare,
    min_cosine,
    snr_db,
    top1_agreement,
)

__all__ = [
    "Array",
    "OutputParity",
    "Tolerance",
    "compare",
    "min_cosine",
    "snr_db",
    "top1_agreement",
]
