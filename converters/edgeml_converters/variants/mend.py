"""Repairs of a variant of lower precision, one after the other, each kept only where it helps."""

from edgeml.conversion import RepairTried
from edgeml.faults import Fault
from edgeml_converters.bisect.around import around
from edgeml_converters.bisect.culprit import FLOORS_DB, culprit
from edgeml_converters.bisect.repairs import Damage, Repair, repairs
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.mixed import Mixed
from edgeml_converters.variants.quantiser import QuantisedFile, Quantiser, Recipe

_REPAIRS_MAX = 6


def mend(
    quantiser: Quantiser, candidate: Candidate, best: QuantisedFile
) -> tuple[QuantisedFile, list[RepairTried]]:
    """The best file after at most 6 repairs, and all that were tried.

    Each repair is made on top of those that helped; where they do not, see `mixed`.
    """
    tried: list[RepairTried] = []
    tried_recipes: set[Recipe] = {best.recipe}
    while len(tried) < _REPAIRS_MAX and not quantiser.sound(candidate):
        proposal = _next_repair(quantiser, candidate, best, tried_recipes)
        if proposal is None:
            break
        repair, recipe = proposal
        tried_recipes.add(recipe)
        faults = quantiser.faults(candidate)
        try:
            with quantiser.progress(f"repair: {repair.action}"):
                file, repaired = quantiser.make_examined(recipe)
        except StepError:
            tried.append(RepairTried(faults=faults, action=repair.action, snr_db=None, kept=False))
            continue
        better = _rank(repaired, file) > _rank(candidate, best)
        tried.append(
            RepairTried(faults=faults, action=repair.action, snr_db=file.snr_db, kept=better)
        )
        if better:
            candidate, best = repaired, file
    if not quantiser.sound(candidate):
        mixed = Mixed(quantiser, candidate, best)
        mixed.search()
        tried += mixed.tried
        best = mixed.best or best
    return best, tried


def _next_repair(
    quantiser: Quantiser, candidate: Candidate, best: QuantisedFile, tried_recipes: set[Recipe]
) -> tuple[Repair, Recipe] | None:
    """The likeliest repair, and its recipe, that was not yet tried on top of the best file."""
    try:
        tensors = quantiser.trace(best, candidate.doubted)
        tensor = culprit(tensors, FLOORS_DB[quantiser.precision])
    except StepError:
        tensor = None
    ops = None if tensor is None else around(quantiser.format, quantiser.base.entry, tensor.name)
    damage = Damage(
        quantiser.format,
        quantiser.precision,
        tensor,
        candidate.errors_beside(quantiser.base),
        best.recipe.per_channel,
        ops,
    )
    for repair in repairs(damage):
        recipe = best.recipe.with_repair(repair)
        if recipe not in tried_recipes:
            return repair, recipe
    return None


def _rank(candidate: Candidate, file: QuantisedFile) -> tuple[float, ...]:
    """More is better: of its precision by more than its name, since it is refused else, not
    different, engines that do not differ, fewer errors, nearness."""
    engines = {row.engine for row in candidate.report.engines if row.answer != "differs"}
    return (
        Fault.LOW_COVERAGE not in candidate.faults,
        candidate.report.answer != "differs",
        len(engines),
        -len(candidate.faults),
        *file.nearness,
    )
