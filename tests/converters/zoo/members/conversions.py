"""The members really converted, and what the task loses by the files that came of it."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from edgeml.manifest import Precision
from tests.converters.zoo.conversions import at_once
from tests.converters.zoo.converted import FORMATS, Asked, Converted, converted
from tests.converters.zoo.members.curves import Judged
from tests.converters.zoo.members.members import BY_NAME, MEMBERS
from tests.converters.zoo.zoo import Framework

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
IN_KERAS = ("segmentation_nhwc", "mixed_units", "rare_event")
KEYS: tuple[tuple[Framework, str], ...] = (
    *(("torch", member.name) for member in MEMBERS),
    *(("keras", name) for name in IN_KERAS),
)
_SOURCES = {"torch": "sources", "keras": "keras_sources"}


def convert_member(
    framework: Framework, name: str, folder: Path, *options: str
) -> Iterator[Converted]:
    """See converted.converted."""
    judged = Judged(BY_NAME[name])
    member = judged.member
    asked = Asked(
        f"{framework}-{name}", f"tests.converters.zoo.members.{_SOURCES[framework]}:{name}",
        judged, judged.rows, member.calibration().inputs, member.labels, member.outputs,
        options,
    )  # fmt: skip
    yield from converted(asked, folder, FORMATS, PRECISIONS)


def convert_members(
    folder: Path,
) -> AbstractContextManager[dict[tuple[Framework, str], Future[list[Converted]]]]:
    """All of them to both formats in both precisions; what is said as it comes."""
    return at_once({key: partial(_converted, key, folder) for key in KEYS})


def _converted(key: tuple[Framework, str], folder: Path) -> list[Converted]:
    return list(convert_member(*key, folder))
