"""Changes to what a conversion left in its folder."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edgeml import documents, holdout
from edgeml.conversion import ConversionReport
from edgeml.holdout import Holdout


def change_report(folder: Path, change: Callable[[ConversionReport], ConversionReport]) -> None:
    path = folder / "report.json"
    report = documents.decode(path.read_bytes(), ConversionReport, "it")
    path.write_bytes(documents.encode(change(report)))


def change_variant(**changes: object) -> Callable[[ConversionReport], ConversionReport]:
    return lambda report: msgspec.structs.replace(
        report, variants=(msgspec.structs.replace(report.variants[0], **changes),)
    )


def change_holdout(folder: Path, change: Callable[[Holdout], Holdout]) -> None:
    path = folder / "holdout.npz"
    path.write_bytes(holdout.encode(change(holdout.decode(path.read_bytes()))))
