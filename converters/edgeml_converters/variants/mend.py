"""Repairs of a variant of lower precision, one after the other, each kept only where it helps."""

from collections.abc import Sequence
from dataclasses import replace

from edgeml.conversion import RepairTried
from edgeml_converters.bisect.around import around
from edgeml_converters.bisect.culprit import FLOORS_DB, culprit
from edgeml_converters.bisect.repairs import Damage, Repair, repairs
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.mixed import Mixed
from edgeml_converters.variants.quantiser import QuantisedFile, Quantiser, Recipe

_REPAIRS_MAX = 6


def mend(
    quantiser: Quantiser,
    candidate: Candidate,
    best: QuantisedFile,
    calibrators: Sequence[str] = (),
) -> tuple[QuantisedFile, list[RepairTried]]:
    """The best file after at most 6 repairs, and all that were tried.

    Each repair is made on top of those that helped; where they do not, see `mixed`. calibrators:
    all that may be taken. Between files that one operator had ruined the choice among them was
    chance: where repairs helped and are not enough, the others are tried on top of them.
    """
    tried: list[RepairTried] = []
    tried_recipes: set[Recipe] = {best.recipe}
    while len(tried) < _REPAIRS_MAX and not quantiser.sound(candidate):
        proposal = _next_repair(quantiser, candidate, best, tried_recipes)
        if proposal is None:
            break
        repair, recipe = proposal
        tried_recipes.add(recipe)
        candidate, best = _try(quantiser, candidate, best, repair.action, recipe, tried)
    repaired = best.recipe
    others = calibrators if any(one.kept for one in tried) else ()
    for name in others:
        if name != repaired.calibrator and not quantiser.sound(candidate):
            recipe = replace(repaired, calibrator=name)
            action = f"calibrate by {name} on top of it"
            candidate, best = _try(quantiser, candidate, best, action, recipe, tried)
    if not quantiser.sound(candidate):
        mixed = Mixed(quantiser, candidate, best)
        mixed.search()
        tried += mixed.tried
        best = mixed.best or best
    return best, tried


def _try(
    quantiser: Quantiser,
    candidate: Candidate,
    best: QuantisedFile,
    action: str,
    recipe: Recipe,
    tried: list[RepairTried],
) -> tuple[Candidate, QuantisedFile]:
    """The better one of the best and what the recipe makes, which is added to what was tried."""
    faults = quantiser.faults(candidate)
    try:
        with quantiser.progress(f"repair: {action}"):
            file, repaired = quantiser.make_examined(recipe)
    except StepError:
        tried.append(RepairTried(faults=faults, action=action, snr_db=None, kept=False))
        return candidate, best
    better = _rank(repaired, file) > _rank(candidate, best)
    tried.append(RepairTried(faults=faults, action=action, snr_db=file.snr_db, kept=better))
    return (repaired, file) if better else (candidate, best)


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
    """More is better: the candidate's standing, then nearness."""
    return (*candidate.standing, *file.nearness)
