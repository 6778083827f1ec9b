"""All conversions of the seven small models, two at a time."""

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from edgeml import documents
from edgeml.conversion import ConversionReport
from tests.converters.commands import convert
from tests.converters.zoo.table import FORMATS, PRECISIONS
from tests.converters.zoo.zoo import FRAMEWORKS, NAMES, Framework, Zoo, make

K = TypeVar("K")
T = TypeVar("T")
Key = tuple[Framework, str]
PROCESSES = 2
REFUSED = 4, 13  # the command's exit codes where a variant differs, or nobody can tell


def make_all(folder: Path) -> dict[Framework, Zoo]:
    """Both frameworks' models."""
    zoos: dict[Framework, Zoo] = {}
    for framework in FRAMEWORKS:
        place = folder / framework
        place.mkdir()
        zoos[framework] = make(place, framework)
    return zoos


@contextmanager
def at_once(jobs: Mapping[K, Callable[[], T]]) -> Generator[dict[K, Future[T]]]:
    """What each gives, as it comes."""
    pool = ThreadPoolExecutor(PROCESSES)
    try:
        yield {key: pool.submit(job) for key, job in jobs.items()}
    finally:
        pool.shutdown(cancel_futures=True)


def convert_all(
    zoos: Mapping[Framework, Zoo],
) -> AbstractContextManager[dict[Key, Future[ConversionReport]]]:
    """Every model to both formats in all precisions; the reports as they come."""
    return at_once(
        {
            (framework, name): partial(_convert, zoo, name)
            for framework, zoo in zoos.items()
            for name in NAMES
        }
    )


def _convert(zoo: Zoo, name: str) -> ConversionReport:
    out = zoo.folder / f"{name}-out"
    ended = convert(
        zoo.source(name), zoo.data(name), out, "--precision", ",".join(PRECISIONS),
        "--calibration-data", str(zoo.calibration(name)), to=FORMATS,
    )  # fmt: skip
    if ended.code not in (0, *REFUSED):
        raise RuntimeError(f"{name} ended with {ended.code}: {ended.err[-2000:]}")
    return documents.decode((out / "report.json").read_bytes(), ConversionReport, "report")
