"""The start: the version on disk predicts before the network is there, or the one before it."""

from collections.abc import Callable

from msgspec.structs import replace

from edgeml.errors import Category, EdgemlError, EngineError, StageError, StorageError
from edgeml.limits import LIMITS
from edgeml.release import Release
from edgeml_runtime import child
from edgeml_runtime.engines.environment import made_by
from edgeml_runtime.slot import Slot
from edgeml_runtime.store.record import Installed
from edgeml_runtime.swap.loader import Load, load_installed
from edgeml_runtime.swap.machine import State
from edgeml_runtime.swap.stage import stage


def boot(
    slot: Slot, stopped: Callable[[], bool], load: Load = load_installed, *, hurried: bool = True
) -> bool:
    """Takes up the active version; when that cannot be, the previous one; or none.

    A version that is damaged on disk may be fetched again. One whose start is cut short again and
    again (LIMITS.trial_attempts) is refused, unless it has ever run for long: then the power may be
    to blame, and it is only left for later, after the network, so that a newer one can take its
    place before it ends the process once more. Then, and only then, False is returned; call it
    again without `hurried`. A start that was cut short in the middle of a trial is the trial's.
    """
    record = slot.store.record
    active, previous = record.active, record.previous
    if active is None:
        return True
    cut_by_trial = record.trial is not None and record.swap_state != State.IDLE
    cut_short = record.boots >= LIMITS.trial_attempts
    if cut_short and record.proven and hurried:
        then = "it is loaded after the network was asked for a newer one"
        _tell(slot, active.release, _cut_short(slot, active.release, then))
        return False
    if cut_short and not record.proven:
        then = f"going back to {previous.release.version}" if previous else "there is no other one"
        error = _cut_short(slot, active.release, then)
        slot.refusals.note(active.release, error)
        _tell(slot, active.release, error)
        slot.save(
            active=previous, previous=None, boots=0, proven=False, refused=slot.refusals.known
        )
        active, previous = previous, None
    else:
        boots = record.boots if cut_by_trial else record.boots + 1
        slot.save(boots=boots, swap_state=State.IDLE)
    for installed in (active, previous):
        if installed is None:
            continue
        try:
            found = _take_up(slot, installed, stopped, load)
        except EdgemlError as error:
            _tell(slot, installed.release, error)
            continue
        except OSError as error:
            damage = f"Version {installed.release.version} cannot be read: {error}; "
            _tell(slot, installed.release, StorageError(f"{damage}it is fetched again."))
            continue
        if installed is previous:
            slot.save(active=found, previous=None, boots=0, proven=False)
        elif found is not active:
            slot.save(active=found)
        break
    return True


def _cut_short(slot: Slot, release: Release, then: str) -> StageError:
    return StageError(
        f"Version {release.version} did not run for {slot.config.healthy_seconds:g} s in "
        f"{slot.store.record.boots} starts; {then}.",
        category=Category.EXECUTION,
    )


def _tell(slot: Slot, release: Release, error: EdgemlError) -> None:
    slot.reporter.refusal("incident", error, release)


def _take_up(
    slot: Slot, installed: Installed, stopped: Callable[[], bool], load: Load
) -> Installed:
    """Makes it the live model; returns it as it is now in the store."""
    config, store = slot.config, slot.store
    if config.engine not in (None, installed.engine):
        raise EngineError(
            f"Version {installed.release.version} was taken up by {installed.engine}, but the only "
            f"engine to use is {config.engine}; it is fetched for that one."
        )
    opened = store.open(installed)
    elsewhere = installed.staged.made_by != made_by(installed.engine)
    if elsewhere or not store.intact(installed):
        # Only what the engine made of it is damaged, or was made by another engine, or on another
        # processor: it is made again.
        limits = child.Limits(config.stage_seconds, config.stage_bytes)
        staged = stage(opened, installed.engine, limits, stopped)
        if staged is None:
            return installed
        installed = replace(installed, staged=staged)
    slot.live.swap(load(installed, opened, config.threads))
    return installed
