"""How often the verdict by roles is right, beside the rule before it and Polygraphy's comparison.

    python benchmarks/verdict.py [--quick] [--cases] [TASK ...]

50 s with --quick, else about three minutes. Twelve tasks, on none of which the rule's limits were
chosen, are trained here on data from a seed. Of each the variants are quantised in many ways, or
damaged, and its own metric on labels decides: bad, where it is worse than the model's by more than
the task's tolerance; good, by less than half of that; what is between does not count. The judges
see 64 or 200 samples of answers, without labels; a regression's role has the model's own error.

bad_same_N       share of the bad that is called the same by N samples, mean over tasks
good_differs_N   share of the good that is said to differ
good_cannot_N    share of the good of which it says that it cannot tell yet
few_bad_same_N   the first of faults that only a share of the samples has, which may not be drawn;
                 every_bad_same_N of all others
no_error_*       the same of the regressions, where nobody knows the model's own error
unknown_*        the same where nobody says what any output means
naive_*          by the limits of int8 in the rule before, on a device of fp32 as well;
                 polygraphy_* by CompareFunc.simple, which answers same or differs
device_found     share of dead or swapped columns, in answers of good variants, that a device finds
                 by 16 shipped samples; device_found_N by N; see verdict_tasks/device.py
device_refused   share of good variants that it refuses on another engine than they were proven on
"""

import argparse
import sys
from collections.abc import Callable, Sequence

import numpy as np
import reporting
import torch
from verdict_tasks import boxes, classes, images, numbers, scores, vectors
from verdict_tasks.counting import RIGHTS, SIZES, Counted, counted
from verdict_tasks.device import SHIPPED, Device, checked
from verdict_tasks.judges import polygraphy_name
from verdict_tasks.task import Size, Task

TASKS: dict[str, Callable[[Size], Task]] = {
    name: make
    for module in (classes, scores, boxes, images, numbers, vectors)
    for name, make in module.TASKS.items()
}
QUICK, FULL = Size(train=1500, test=2000, epochs=0.5), Size(train=4000, test=6000, epochs=1.0)
VARIANTS, DRAWS = {True: 28, False: 100}, {True: 2, False: 6}
PREFIXES = {"roles": "", "no error": "no_error_", "unknown": "unknown_", "before": "naive_"}


def mean(
    found: Sequence[Counted], judge: str, right: str, samples: int, few: bool | None = None
) -> float | None:
    """Over the tasks that have such variants."""
    rates = [r for of in found if (r := of.rate(judge, right, samples, few)) is not None]
    return float(np.mean(rates)) if rates else None


def judges(found: Sequence[Counted]) -> list[str]:
    names = {judge for of in found for case in of.cases for judge, _ in case.said}
    order = [*PREFIXES, polygraphy_name()]
    return sorted(names, key=order.index)


def device_rate(devices: Sequence[Device], kind: str, samples: int) -> float:
    """Mean over tasks; kind: found, refused, or either of the rule before."""
    return float(np.mean([np.mean(getattr(device, kind)[samples]) for device in devices]))


def figures_of(
    found: Sequence[Counted], devices: Sequence[Device]
) -> tuple[dict[str, float | None], dict[str, str]]:
    figures: dict[str, float | None] = {}
    for judge in judges(found):
        for samples in SIZES[::-1]:
            for right in RIGHTS:
                key = f"{PREFIXES.get(judge, 'polygraphy_')}{right}_{samples}"
                figures[key] = mean(found, judge, right, samples)
    for samples in SIZES[::-1]:
        for key, few in _PARTS.items():
            figures[f"{key}_bad_same_{samples}"] = mean(found, "roles", "bad_same", samples, few)
    why = {key: "no task in this run has such a variant" for key in figures if figures[key] is None}
    figures |= {"tasks": len(found)}
    bad, good = ([c for of in found for c in getattr(of, kind)] for kind in ("bad", "good"))
    figures |= {"bad": len(bad), "few_bad": sum(case.few for case in bad), "good": len(good)}
    alone = [of for of in found if of.rate("no error", "bad_same", SIZES[0]) is not None]
    figures |= {"no_error_bad": sum(len(of.bad) for of in alone)}
    figures |= {"no_error_good": sum(len(of.good) for of in alone)}
    for kind in ("found", "refused"):
        figures[f"device_{kind}"] = device_rate(devices, kind, _DEVICE_SAMPLES)
        before = device_rate(devices, f"{kind}_before", _DEVICE_SAMPLES)
        figures[f"naive_device_{kind}"] = before
        for samples in SHIPPED:
            figures[f"device_{kind}_{samples}"] = device_rate(devices, kind, samples)
    return figures, why


def print_table(found: Sequence[Counted]) -> None:
    print("Per cent of the variants; bad: same, cannot tell; good: differs, cannot tell.\n")
    for judge in judges(found):
        print(f"{judge:20}{'variants':>12}{'by 64 samples':>26}{'by 200 samples':>30}")
        print(f"{'':20}{'bad':>6}{'good':>6}" + f"{'same':>9}{'?':>6}{'differs':>9}{'?':>6}" * 2)
        shown = [of for of in found if judge in {name for name, _ in of.cases[0].said}]
        for of in shown:
            rates = [of.rate(judge, right, samples) for samples in SIZES for right in _ORDER]
            print(_row(of.task.name, len(of.bad), len(of.good), rates))
        rates = [mean(shown, judge, right, samples) for samples in SIZES for right in _ORDER]
        bad, good = (sum(len(getattr(of, kind)) for of in shown) for kind in ("bad", "good"))
        print(_row(f"mean of {len(shown)}", bad, good, rates) + "\n")
    print("Of them by roles, bad but called the same, by where the fault is:")
    for few in _PARTS.values():
        count = sum(case.few == few for of in found for case in of.bad)
        shares = [mean(found, "roles", "bad_same", samples, few) for samples in SIZES]
        where = "in a share of the samples" if few else "in every sample"
        percents = ["-" if share is None else f"{100 * share:.1f} %" for share in shares]
        print(f"  {where:26}{count:5} variants" + "".join(f"{p:>9}" for p in percents))
    print()


def print_devices(devices: Sequence[Device]) -> None:
    print("On a device, per cent by 1, 4, 16 and 64 shipped samples:")
    print(f"{'':20}{'faults':>8}{'found':>26}{'good':>8}{'refused':>26}")
    for device in devices:
        cells = ""
        for of in (device.found, device.refused):
            cells += f"{len(of[SHIPPED[0]]):8}"
            cells += "".join(f"{100 * np.mean(of[samples]):6.1f} " for samples in SHIPPED)[:-1]
        print(f"  {device.name:18}{cells}")
    kinds = ("found", "refused", "found_before", "refused_before")
    rates = [
        " ".join(f"{100 * device_rate(devices, kind, samples):5.1f}" for samples in SHIPPED)
        for kind in kinds
    ]
    print(f"  mean: found {rates[0]}, refused {rates[1]}")
    print(f"  by the rule before: found {rates[2]}, refused {rates[3]}\n")


_DEVICE_SAMPLES = 16
_PARTS = {"few": True, "every": False}
_ORDER = ("bad_same", "bad_cannot", "good_differs", "good_cannot")


def _row(name: str, bad: int, good: int, rates: Sequence[float | None]) -> str:
    widths = (9, 6) * (len(rates) // 2)
    cells = ["-" if rate is None else f"{100 * rate:.1f}" for rate in rates]
    return f"  {name:18}{bad:6}{good:6}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    )


def print_cases(found: Sequence[Counted]) -> None:
    """Each variant that the rule by roles is wrong about in any draw."""
    print("Variants that are judged wrongly, by samples: share of draws.")
    for of in found:
        for case in of.cases:
            answer = "same" if case.bad else "differs" if case.good else None
            if answer is None:
                continue
            shares = [case.share("roles", samples, answer) for samples in SIZES]
            if any(shares):
                words = f"{'bad' if case.bad else 'good'} and {answer}"
                print(
                    f"  {of.task.name:10} {case.variant:32} worse by {case.worse:5.2f} tolerances "
                    f"{words:16} "
                    + "".join(f"{share:6.0%}" for share in shares)
                    + f"   {case.most}"
                )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a rough answer within 50 s")
    parser.add_argument("--cases", action="store_true", help="print what is judged wrongly")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}")
    options = parser.parse_args()
    unknown = set(options.tasks) - set(TASKS)
    if unknown:
        parser.error(f"there is no task {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    found: list[Counted] = []
    devices: list[Device] = []
    for name in options.tasks or TASKS:
        torch.manual_seed(7)
        task = TASKS[name](QUICK if options.quick else FULL)
        print(f"{name}: {task.about} ...", file=sys.stderr, flush=True)
        found.append(counted(task, VARIANTS[options.quick], DRAWS[options.quick]))
        devices.append(checked(task, DRAWS[options.quick]))
    print_table(found)
    print_devices(devices)
    if options.cases:
        print_cases(found)
        for device in devices:
            print("\n".join(f"  {device.name:10} {said}" for said in device.said))
    reporting.last_line("verdict", options.quick, *figures_of(found, devices))


if __name__ == "__main__":
    main()
