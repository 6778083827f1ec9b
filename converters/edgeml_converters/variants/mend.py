"""Bringing a variant of lower precision nearer to its model, one change after the other."""

from edgeml.conversion import RepairTried
from edgeml_converters.bisect.around import around
from edgeml_converters.bisect.culprit import FLOORS_DB, culprit
from edgeml_converters.bisect.repairs import Damage, Repair, repairs
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.quantiser import QuantisedFile, Quantiser, Recipe

_REPAIRS_MAX = 6


def mend(
    quantiser: Quantiser, candidate: Candidate, best: QuantisedFile
) -> tuple[Candidate, QuantisedFile, list[RepairTried]]:
    """The best that repairs give; each builds on the one before where that helped."""
    tried: list[RepairTried] = []
    done: set[Recipe] = {best.recipe}
    while len(tried) < _REPAIRS_MAX and not candidate.sound:
        step = _next(quantiser, candidate, best, done)
        if step is None:
            break
        repair, recipe = step
        done.add(recipe)
        wrong = candidate.faults
        try:
            with quantiser.progress(f"repair: {repair.action}"):
                file = quantiser.make(recipe)
            repaired = quantiser.examine(file)
        except StepError:
            tried.append(RepairTried(faults=wrong, action=repair.action, snr_db=None, kept=False))
            continue
        better = _rank(repaired, file) > _rank(candidate, best)
        tried.append(
            RepairTried(faults=wrong, action=repair.action, snr_db=file.shown_snr_db, kept=better)
        )
        if better:
            candidate, best = repaired, file
    return candidate, best, tried


def _next(
    quantiser: Quantiser, candidate: Candidate, best: QuantisedFile, done: set[Recipe]
) -> tuple[Repair, Recipe] | None:
    """The likeliest repair that was not tried on top of the best so far."""
    try:
        tensors = quantiser.trace(best, candidate.doubted)
        bad = culprit(tensors, FLOORS_DB[quantiser.precision])
    except StepError:
        bad = None
    near = None if bad is None else around(quantiser.format, quantiser.base.entry, bad.name)
    damage = Damage(
        quantiser.format,
        quantiser.precision,
        bad,
        candidate.report.findings,
        best.recipe.per_channel,
        near,
    )
    for repair in repairs(damage):
        recipe = best.recipe.with_repair(repair)
        if recipe not in done:
            return repair, recipe
    return None


def _rank(candidate: Candidate, file: QuantisedFile) -> tuple[bool, int, int, float]:
    """More is better: passed, engines that agree, fewer errors, signal to noise."""
    return (
        candidate.report.passed,
        len(candidate.agreeing),
        -len(candidate.faults),
        file.snr_db,
    )
