"""The tree that the docstring draws is the tree that there is; every error ends a command so."""

import re

import pytest

from edgeml import errors
from edgeml.errors import Category, EdgemlError


def leaves(root: type[EdgemlError] = EdgemlError) -> list[type[EdgemlError]]:
    """The leaves of the tree in edgeml/errors.py; what other modules derive from them is theirs."""
    children = [c for c in root.__subclasses__() if c.__module__ == errors.__name__]
    return [leaf for child in children for leaf in leaves(child)] or [root]


def core() -> list[type[EdgemlError]]:
    return leaves()


DRAWN = dict(re.findall(r"[├└]── (\w+)\s+(\d+) ", errors.__doc__ or ""))


def test_the_docstring_draws_every_leaf_with_its_code() -> None:
    assert {leaf.__name__: str(leaf.exit_code) for leaf in core()} == DRAWN


def test_every_class_is_drawn_below_its_parent() -> None:
    for leaf in core():
        parent = leaf.__bases__[0].__name__
        text = errors.__doc__ or ""
        before = text[: text.index(f"── {leaf.__name__}")]
        drawn_parents = re.findall(r"── (\w+)", before)
        group = [name for name in drawn_parents if not issubclass_of_leaf(name)]
        assert parent == (group[-1] if issubclass(leaf, GROUPS) else "EdgemlError")


GROUPS = (errors.AuthorError, errors.PublisherError, errors.RoadError, errors.DeviceError)


def issubclass_of_leaf(name: str) -> bool:
    return getattr(errors, name) in core()


def test_codes_do_not_collide_with_success_or_a_bug() -> None:
    assert all(2 <= leaf.exit_code <= 125 for leaf in core())
    assert EdgemlError.exit_code == 1


def test_groups_are_not_raised_themselves() -> None:
    for group in GROUPS:
        assert group.exit_code == 1 and group not in core()


@pytest.mark.parametrize("leaf", core())
def test_every_error_has_a_category(leaf: type[EdgemlError]) -> None:
    assert isinstance(leaf("x").category, Category)
    assert leaf("x", category=Category.DATA_RACE).category is Category.DATA_RACE
    assert leaf.category is not Category.DATA_RACE  # the class keeps its own


def test_the_taxonomy_is_complete() -> None:
    """The 15 categories of system-related issues of Ren, Kästner, Gay and Jamshidi."""
    assert len(Category) == 15
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", category) for category in Category)
