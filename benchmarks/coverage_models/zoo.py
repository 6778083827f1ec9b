"""All architectures by name, those of every kind among the first."""

from itertools import chain, zip_longest

from coverage_models import classifiers, dense, keras_nets, sequences
from coverage_models.architecture import Architecture

_KINDS = (
    sequences.ARCHITECTURES, dense.ARCHITECTURES, keras_nets.ARCHITECTURES,
    classifiers.ARCHITECTURES[::2], classifiers.ARCHITECTURES[1::2],
)  # fmt: skip
# In turns, so that what an unfinished run has is of every kind.
ARCHITECTURES: dict[str, Architecture] = {
    found.name: found for found in chain(*zip_longest(*_KINDS)) if found is not None
}
