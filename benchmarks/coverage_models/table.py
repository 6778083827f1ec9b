"""The table of public architectures in docs/models.md, between its two markers."""

from collections.abc import Iterator, Sequence

from coverage_models.bare import TITLES
from coverage_models.running import FORMATS, ROOT, Cell, Ran
from coverage_models.sums import rightness

PAGE = ROOT / "docs" / "models.md"
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
HEAD = """\
## Public architectures

Written by `python benchmarks/coverage.py --table`. {count} networks as torchvision, timm,
transformers and Keras build them, small in width or image where they allow it, with random weights
and batch statistics of random data; those in int8 have a last layer that is fitted to classes of
the data. A cell is what edgeml said, with the signal to noise by a check that has nothing of
edgeml in it, on samples that edgeml did not see. The last column is the framework's own exporter
at float32, by the same check: {exporters}.

"""


def section(rans: Sequence[Ran]) -> str:
    """With its markers."""
    heading = ("architecture", "what", "from", "ONNX fp32", "TFLite fp32", "int8 ONNX, TFLite")
    by_kind = sorted(rans, key=lambda ran: (ran.about, ran.name))
    lines = [(*heading, "exporter ONNX, TFLite"), ("---",) * 7, *map(_row, by_kind)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    notes = "".join(f"- {note}\n" for ran in by_kind for note in _notes(ran))
    about = HEAD.format(count=len(rans), exporters=", ".join(dict.fromkeys(TITLES.values())))
    return f"{BEGIN}\n\n{about}{table}\n{notes}\n{END}\n"


def placed(page: str, text: str) -> str:
    """The page with this section in place of the one that it has, else at its end."""
    if BEGIN not in page:
        return f"{page.rstrip()}\n\n{text}"
    before, _, rest = page.partition(BEGIN)
    return before + text + rest.partition(END)[2].lstrip("\n")


def _row(ran: Ran) -> tuple[str, ...]:
    ours = [_cell(ran.ours.get(f"{form}-fp32")) for form in FORMATS]
    quantised = [_cell(ran.ours.get(f"{form}-int8")) for form in FORMATS]
    int8 = ", ".join(quantised) if any(quantised) else ""
    bare = ", ".join(_bare(ran.bare.get(f"{form}-fp32"), f"{form}-fp32") for form in FORMATS)
    return (ran.name, ran.about, ran.package, *ours, int8, bare)


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    snr = "" if cell.snr is None else f" {cell.snr:.0f} dB"
    return {"no file": "none"}.get(cell.said, cell.said) + snr


def _bare(cell: Cell | None, variant: str) -> str:
    if cell is None or cell.said == "no file":
        return "none"
    note = " the other way" if cell.why else ""
    return {"right": "right", "wrong": "wrong"}.get(rightness(cell, variant), "near") + note


def _notes(ran: Ran) -> Iterator[str]:
    """A reason for each refusal, in its first words."""
    for variant, cell in ran.ours.items():
        if cell.said != "same":
            words = cell.why.split("; ")[0].replace("|", "/").replace("<", "(").replace(">", ")")
            yield f"{ran.name} {variant}, {cell.said}: {words[:160]}"
