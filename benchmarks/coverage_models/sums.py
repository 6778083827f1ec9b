"""The figures of benchmarks/coverage.py from what came of each architecture."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Literal

from coverage_models.running import FORMATS, Cell, Ran

# Of a file in float32: its largest difference in shares of the answers' spread. Rounding stays
# below the first; above the second something is computed otherwise. Between them nothing counts.
RIGHT_MOST, WRONG_MOST = 1e-3, 1e-2
# Of int8, dB: better than a good conversion of a trained network; worse than any that is of use.
RIGHT_SNR, WRONG_SNR = 25.0, 10.0
Rightness = Literal["right", "wrong", "between", "no file"]
Found = tuple[Ran, str, Cell]


def rightness(cell: Cell | None, variant: str) -> Rightness:
    """By the independent check alone."""
    if cell is None or cell.said == "no file":
        return "no file"
    if cell.snr is None or cell.most is None:
        return "wrong"
    if variant.endswith("fp32"):
        right, wrong = cell.most <= RIGHT_MOST, cell.most > WRONG_MOST
    else:
        right, wrong = cell.snr >= RIGHT_SNR, cell.snr < WRONG_SNR
    return "right" if right else "wrong" if wrong else "between"


def cells(rans: Sequence[Ran], precision: str = "") -> Iterator[Found]:
    """edgeml's variants, of one precision or of all."""
    for ran in rans:
        for variant, cell in ran.ours.items():
            if variant.endswith(precision):
                yield ran, variant, cell


def wrongly_same(rans: Sequence[Ran]) -> list[Found]:
    return [f for f in cells(rans) if f[2].said == "same" and rightness(f[2], f[1]) == "wrong"]


def wrongly_refused(rans: Sequence[Ran]) -> list[Found]:
    """Of int8 only what is said to differ: that nobody can tell yet refuses nothing for good."""
    return [
        (ran, variant, cell)
        for ran, variant, cell in cells(rans)
        if cell.said == "differs" or (cell.said == "cannot tell" and variant.endswith("fp32"))
        if rightness(cell, variant) == "right"
    ]


def behind_exporter(rans: Sequence[Ran]) -> list[Found]:
    """What the bare exporter converts rightly, and of which edgeml has no right file."""
    return [
        (ran, variant, cell)
        for ran, variant, cell in cells(rans, "fp32")
        if rightness(ran.bare.get(variant), variant) == "right"
        if cell.said != "same" and rightness(cell, variant) != "right"
    ]


def ratio(ran: Ran, formats: Sequence[str] = FORMATS) -> float | None:
    """edgeml's seconds / the exporter's, of the formats that both made."""
    ours = bare = 0.0
    for variant in (f"{form}-fp32" for form in formats):
        mine, theirs = ran.ours.get(variant), ran.bare.get(variant)
        if mine is None or theirs is None or "no file" in (mine.said, theirs.said):
            continue
        ours, bare = ours + (mine.seconds or 0), bare + (theirs.seconds or 0)
    return ours / bare if bare else None


def _share(found: Sequence[Found], said: str) -> float | None:
    return sum(cell.said == said for _, _, cell in found) / len(found) if found else None


def _median(rans: Sequence[Ran], formats: Sequence[str] = FORMATS) -> float | None:
    found = [r for ran in rans if (r := ratio(ran, formats)) is not None]
    return statistics.median(found) if found else None


def figures_of(rans: Sequence[Ran], planned: int) -> tuple[dict[str, float | None], dict[str, str]]:
    """And a reason for each that is None. planned: the architectures of a whole run."""
    done = [ran for ran in rans if not ran.error]
    figures: dict[str, float | None] = {}
    for key, precision in (("onnx_fp32", "onnx-fp32"), ("tflite_fp32", "tflite-fp32")):
        figures[f"{key}_proven"] = _share(list(cells(done, precision)), "same")
    quantised = list(cells(done, "int8"))
    figures["int8_proven"] = _share(quantised, "same")
    for key, count in (
        ("wrongly_same", wrongly_same),
        ("wrongly_refused", wrongly_refused),
        ("behind_exporter", behind_exporter),
    ):
        figures[key] = len(count(done)) if done else None
    figures["time_ratio"] = _median(done)
    for form in FORMATS:
        figures[f"time_ratio_{form}"] = _median(done, [form])
    figures["int8_cannot_tell"] = _share(quantised, "cannot tell")
    bare = [(r, v, cell) for r in done for v, cell in r.bare.items()]
    for form in FORMATS:
        right = [rightness(c, v) == "right" for _, v, c in bare if v.startswith(form)]
        figures[f"naive_{form}_fp32_proven"] = sum(right) / len(right) if right else None
    figures |= {"architectures": len(done), "variants": len(list(cells(done)))}
    figures |= {"int8_variants": len(quantised), "not_run": planned - len(done)}
    why = {
        key: "no architecture of this run has such a variant"
        for key, value in figures.items()
        if value is None
    }
    return figures, why
