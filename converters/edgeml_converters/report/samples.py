"""The arrays behind a report: what went in, what was expected and what each variant said."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeml_converters.formats.tensors import Array, Arrays


@dataclass(frozen=True)
class Samples:
    """Rows of all arrays are the samples that parity was shown on, so that a flip finds its input.

    inputs, expected: by the contract's names.
    answers: of each variant, by the contract's names; a variant without any is left out.
    labels: the true answers where they are known.
    """

    inputs: Arrays
    expected: Arrays
    answers: Mapping[str, Arrays] = field(default_factory=dict[str, Arrays])
    labels: Array | None = None
