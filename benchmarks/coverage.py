"""How many public architectures edgeml converts and proves, beside the exporters alone.

    python benchmarks/coverage.py [--quick] [--fresh] [--stored] [--table] [NAME ...]

About 80 minutes, 50 s with --quick; scripts/test once before, which fetches torchvision and timm.
Networks of torchvision, timm, transformers and Keras with random weights and batch statistics go to
ONNX and TFLite at float32, a third of them also to int8, through `edgeml convert` in a process of
its own. Beside it, in turns, the framework's own exporter does the same in another. Then a check by
a few lines of numpy runs the files of both on samples that neither saw: coverage_models/check.py.
What came of each network is kept in build/coverage, and a run that was ended goes on where it
stopped. tests/converters/test_public_architectures.py runs some in the tests.

onnx_fp32_proven, tflite_fp32_proven   share of the networks of which edgeml says: the same
int8_proven          the same of int8, over both formats; int8_cannot_tell: of the answer between
wrongly_same         files that it calls the same, and the check calls wrong
wrongly_refused      files that it says differ, and the check calls right
behind_exporter      the exporter's file is right, and edgeml has no right one
time_ratio           edgeml's fp32 time / the exporter's, median over networks; or of one format
naive_*_proven       share of the networks of which the exporter's own file is right, by the check
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import reporting
from coverage_models import sums, table
from coverage_models.running import FORMATS, PACKAGES, ROOT, Ran, go
from coverage_models.state import State, code_version
from coverage_models.zoo import ARCHITECTURES

STATE = ROOT / "build" / "coverage"
# Small ones of each framework, all in 45 s of an idle machine; none begins after these seconds.
QUICK = ("whisper_encoder", "MobileNetV3Small", "bert")
QUICK_SECONDS = 22.0


def run_one(name: str, forms: Sequence[str], int8: bool, backwards: bool) -> Ran:
    folder = Path(tempfile.mkdtemp(prefix="coverage-"))
    try:
        print(f"{name} ...", file=sys.stderr, flush=True)
        return go(ARCHITECTURES[name], folder, forms=forms, int8=int8, backwards=backwards)
    finally:
        shutil.rmtree(folder)


def quick() -> list[Ran]:
    """The small ones, each in one format, until the time is over; nothing is kept."""
    begin, found = time.monotonic(), list[Ran]()
    for turn, name in enumerate(QUICK):
        if time.monotonic() - begin > QUICK_SECONDS:
            break
        found.append(run_one(name, [FORMATS[turn % 2]], False, bool(turn % 2)))
    return found


def whole(
    state: State,
    names: Sequence[str],
    run: Callable[[str, Sequence[str], bool, bool], Ran] | None = run_one,
    *,
    fresh: bool = False,
) -> list[Ran]:
    """What is kept counts unless it is to be made afresh; without `run` it is all there is."""
    found = []
    for turn, name in enumerate(names):
        ran = None if fresh else state.read(name)
        if ran is None and run is not None:
            ran = run(name, FORMATS, True, bool(turn % 2))
            state.write(ran)
        if ran is not None:
            found.append(ran)
    return found


def print_table(rans: Sequence[Ran]) -> None:
    print(f"{'':30}{'variant':13}{'edgeml':12}{'check':10}{'exporter':10}{'time':>7}  dB")
    for ran in rans:
        if ran.error:
            print(f"{ran.name:30}not run: {ran.error}")
        for variant, cell in ran.ours.items():
            theirs = ran.bare.get(variant)
            times = theirs and theirs.seconds and cell.seconds
            ratio = f"{cell.seconds / theirs.seconds:7.2f}" if times else " " * 7
            snr = "" if cell.snr is None else f"{cell.snr:.0f}"
            exporter = sums.rightness(theirs, variant) if theirs else ""
            print(
                f"{ran.name:30}{variant:13}{cell.said:12}{sums.rightness(cell, variant):10}"
                f"{exporter:10}{ratio}  {snr}"
            )
    for title, count in (
        ("wrongly the same", sums.wrongly_same),
        ("wrongly refused", sums.wrongly_refused),
        ("behind the exporter", sums.behind_exporter),
    ):
        for ran, variant, cell in count(rans):
            print(f"\n{title}: {ran.name} {variant}: {cell.why}\n  {cell.command}")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a rough answer within 50 s")
    parser.add_argument("--fresh", action="store_true", help="run again what was kept")
    parser.add_argument("--stored", action="store_true", help="run nothing, count what was kept")
    parser.add_argument("--table", action="store_true", help="write the table of docs/models.md")
    parser.add_argument("--state", type=Path, default=STATE, help="where results are kept")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ARCHITECTURES)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(ARCHITECTURES)
    if unknown:
        parser.error(f"there is no architecture {', '.join(sorted(unknown))}")
    if not (PACKAGES / "timm").is_dir() and not options.stored:
        sys.exit(f"coverage: timm is not in {PACKAGES}; run scripts/test once.")
    names = options.names or list(ARCHITECTURES)
    if options.quick:
        rans = quick()
    else:
        state = State(options.state, code_version())
        run = None if options.stored else run_one
        rans = whole(state, names, run, fresh=options.fresh and run is not None)
    print_table(rans)
    if options.table:
        page = table.placed(table.PAGE.read_text(), table.section(rans))
        table.PAGE.write_text(page)
    reporting.last_line("coverage", options.quick, *sums.figures_of(rans, len(names)))


if __name__ == "__main__":
    main()
