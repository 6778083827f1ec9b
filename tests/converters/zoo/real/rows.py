"""The real models' section of docs/models.md: what is said of each file, what its task loses."""

from collections.abc import Iterator, Sequence

from tests.converters.zoo.converted import agreement
from tests.converters.zoo.real.conversions import BY_NAME, PRECISIONS, Found
from tests.converters.zoo.table import TITLES, lines, rows_of

SECTION = "real"
HEADING = ("model", "format", *PRECISIONS)
_OTHER_ONSETS = (
    "what is seldom on has more noise than signal, and one in six of the onsets that it switches "
    "on is another than the model's (F1 against the model 0.83 in ONNX, 0.85 in TFLite), though as "
    "many notes are found"
)
_OTHER_LETTERS = (
    "in 41 of 80 samples some letter is another, once where the model was ahead by 0.98, and 2.8 % "
    "of the margin is lost where 1 % may be; reading loses 0.47 of what is allowed, and the line "
    "of the good is at 0.5"
)
REASONS: dict[tuple[str, str, str], str] = {
    ("reader", "ONNX", "int8"): _OTHER_LETTERS,
    ("basic_pitch", "ONNX", "int8"): _OTHER_ONSETS,
    ("basic_pitch", "TFLite", "int8"): _OTHER_ONSETS,
}
"""Of the cells in which truth and verdict are at odds, by (model, format, precision)."""
UNKNOWN = "nobody knows yet why"


def section(found: Sequence[Found]) -> str:
    files = [one for of in found for one in of.files]
    parts = [HEAD.format(agreement=agreement(files), models=len(BY_NAME))]
    parts += [*lines(HEADING, rows(found)), "\n", *map(_about, found)]
    wrong = [one for one in files if not one.agrees]
    if wrong:
        parts.append("\nWhere truth and verdict are at odds, marked by (!):\n\n")
    for one in wrong:
        key = (one.model, TITLES[one.format], one.precision)
        parts.append(f"- {', '.join(key)}: {REASONS.get(key, UNKNOWN)}\n")
    return "".join(parts)


def rows(found: Sequence[Found]) -> Iterator[tuple[str, ...]]:
    for of in found:
        cells = {(one.format, one.precision): one.cell for one in of.files}
        for form in of.real.formats:
            yield (of.real.name, TITLES[form], *(cells[form, p] for p in PRECISIONS))


def written() -> dict[tuple[str, str, str], str]:
    """(model, format, precision) -> the cell that the page has."""
    return {
        (model, form, precision): text
        for model, form, *shown in rows_of(SECTION)
        for precision, text in zip(PRECISIONS, shown, strict=True)
    }


def _about(found: Found) -> str:
    real = found.real
    known = ", ".join(f"{name} {cost.value:.2f}" for name, cost in found.own.items())
    said = " ".join(f"`--output {role}`" for role in real.outputs)
    told = f", told {said}" if said else ""
    return (
        f"- {real.name}: {real.about}. By the model itself {known}; the verdict sees "
        f"{real.proof:,} of {real.whole:,} samples{told}.\n"
    )


HEAD = """\
## Real models

Written by `python scripts/generate_models_table.py`, or by itself with `--real`. {models} nets that
nobody here wrote, with the weights that their authors ship. What they read and hear is made, words
on paper, chords and voices, so that what is really there is known. A cell is the verdict, and by
how many tolerances the task is worse with the converted file on its engine: above 1 is bad, below
0.5 good. {agreement}

"""
