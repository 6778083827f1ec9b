"""The table of docs/models.md: each small model in each format and precision, by the reports."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import get_args

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.manifest import Format, Precision
from tests.converters.zoo.zoo import FRAMEWORKS, NAMES, Framework

PAGE = Path(__file__).parents[3] / "docs" / "models.md"
FORMATS: tuple[Format, ...] = get_args(Format)
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8", "int8-dynamic", "int8-weights")
Reports = Mapping[tuple[Framework, str], ConversionReport]
TITLES = {"torch": "PyTorch", "keras": "Keras", "onnx": "ONNX", "tflite": "TFLite"}


def reason(variant: VariantReport) -> str | None:
    """Why a variant is refused, by the names of its faults; None where it passed.

    Raises ValueError for a refusal without a reason, which is a defect of edgeml.
    """
    if variant.passed:
        return None
    faults = sorted({finding.fault for finding in variant.findings if finding.severity == "error"})
    if faults:
        return ", ".join(faults)
    tried = [t.error for t in (*variant.routes, *variant.calibrators) if t.error]
    if not tried:
        raise ValueError(f"{variant.id} is refused without a reason")
    return "not made"


def rows(reports: Reports) -> Iterator[tuple[str, ...]]:
    """Framework, format, model, route, and a cell for each precision."""
    for framework in FRAMEWORKS:
        for form in FORMATS:
            for name in NAMES:
                variants = {v.id: v for v in reports[framework, name].variants}
                made = [variants[f"{form}-{precision}"] for precision in PRECISIONS]
                route = made[0].routes[-1].route if made[0].routes else "none"
                yield (TITLES[framework], TITLES[form], name, route, *map(cell, made))


def cell(variant: VariantReport) -> str:
    """Signal to noise where it is least, and the engines that do not take part."""
    refused = reason(variant)
    if refused is not None:
        return f"refused: {refused}"
    agreeing = [row for row in variant.engines if row.passed]
    without = {row.engine for row in variant.engines} - {row.engine for row in agreeing}
    found = [snr for snr in map(_least, agreeing) if snr is not None]
    shown = f"{min(found):.0f} dB" if found else "exact"
    if variant.repairs and any(repair.kept for repair in variant.repairs):
        shown += ", repaired"
    return shown + (f", not on {', '.join(sorted(without))}" if without else "")


def _least(row: EngineParity) -> float | None:
    """The worst output's signal to noise in dB, None where all of them are exact."""
    return min((o.snr_db for o in row.outputs if o.snr_db is not None), default=None)


def verdicts(table: Iterator[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """(framework, format, model, precision) -> passed, or why not; the part of a cell that no
    processor changes."""
    return {
        (*row[:3], precision): shown if shown.startswith("refused") else "passed"
        for row in table
        for precision, shown in zip(PRECISIONS, row[4:], strict=True)
    }


def written() -> Iterator[tuple[str, ...]]:
    """The rows that the page has."""
    for line in PAGE.read_text().splitlines():
        if line.startswith(tuple(f"| {title}" for title in TITLES.values())):
            yield tuple(text.strip() for text in line.strip("|").split("|"))


def sections(text: str) -> str:
    """What others have written into a page, each between its two markers; it stays as it is."""
    found = re.finditer(r"^<!-- (\w+): begin -->.*?^<!-- \1: end -->\n", text, re.M | re.S)
    return "".join(f"\n{section[0]}" for section in found)


def placed(text: str, name: str, section: str) -> str:
    """The page with this section in place of the one of that name, else at its end."""
    marked = f"<!-- {name}: begin -->\n\n{section}\n<!-- {name}: end -->\n"
    before, begin, rest = text.partition(f"<!-- {name}: begin -->")
    if not begin:
        return f"{text.rstrip()}\n\n{marked}"
    return before + marked + rest.partition(f"<!-- {name}: end -->\n")[2]


def page(reports: Reports) -> str:
    samples = max(report.samples for report in reports.values())
    passed = sum(v.passed for report in reports.values() for v in report.variants)
    total = sum(len(report.variants) for report in reports.values())
    heading = ("framework", "format", "model", "route", *PRECISIONS)
    head = HEAD.format(passed=passed, total=total, samples=samples)
    return head + "".join(lines(heading, rows(reports)))


def lines(heading: tuple[str, ...], table: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Of a table as pages have it."""
    for row in (heading, ("---",) * len(heading), *table):
        yield f"| {' | '.join(row)} |\n"


def rows_of(section: str) -> Iterator[tuple[str, ...]]:
    """The rows of the table in a section of the page that stands between its markers."""
    text = PAGE.read_text(encoding="utf-8").partition(f"<!-- {section}: begin -->")[2]
    table = [line for line in text.partition("<!-- ")[0].splitlines() if line.startswith("| ")]
    for line in table[2:]:
        yield tuple(cell.strip() for cell in line.strip("|").split("|"))


HEAD = """\
# Seven small models, two frameworks, two formats, five precisions

Written by `python scripts/generate_models_table.py`; a test converts all of them and compares the
verdicts. The models stand in `tests/converters/zoo`: a residual CNN with depthwise convolutions and
hard-swish, a GRU, an LSTM, a transformer encoder with the exact GELU, 1-D keyword spotting, an
autoencoder with ELU and a convolutional one, each trained on a task of its own.

{passed} of {total} variants say the same as their model. A cell is the least signal to noise, by
its worst channel, of the engines that agree, on up to {samples} samples that neither training,
calibration nor the choice of repairs has seen; *repaired* means that edgeml changed something until
it agreed, *refused* that nobody gets this file, by the name of what is wrong with it
([faults](faults.md)). Of the autoencoders, which restore their own input, the labels tell how wrong
they are themselves.

"""
