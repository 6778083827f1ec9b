"""What `edgeml convert` is given: source.py:NAME builds the architecture of that name."""

from functools import partial

from coverage_models.prepare import built
from coverage_models.zoo import ARCHITECTURES

globals().update({name: partial(built, of) for name, of in ARCHITECTURES.items()})
