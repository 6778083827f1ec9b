"""The members as sources for `edgeml convert`: tests.converters.zoo.members.sources:NAME."""

from collections.abc import Callable

from torch import nn

from tests.converters.zoo.members.members import BY_NAME


def __getattr__(name: str) -> Callable[[], nn.Module]:
    if name not in BY_NAME:
        raise AttributeError(name)
    return BY_NAME[name].trained
