"""The start: the version on disk predicts before the network is there, or the one before it."""

from collections.abc import Callable
from enum import Enum, auto

from msgspec.structs import replace

from edgeml.errors import Category, EdgemlError, EngineError, StageError, StorageError
from edgeml.limits import LIMITS
from edgeml.release import Release
from edgeml_runtime.engines.environment import made_by
from edgeml_runtime.slot import Slot
from edgeml_runtime.store.record import Installed
from edgeml_runtime.swap.loader import Load, load_installed
from edgeml_runtime.swap.machine import State
from edgeml_runtime.swap.stage import stage


class Left(Enum):
    """What a start leaves for later."""

    NOTHING = auto()
    AFTER_NETWORK = auto()
    """The version may end the process: a newer one may come first."""
    PREPARING = auto()
    """The active version must be prepared again; the one before predicts meanwhile, if there is
    one."""


def boot(slot: Slot, load: Load = load_installed, *, hurried: bool = True) -> Left:
    """Takes up the active version; when that cannot be, the previous one; or none.

    A version that is damaged on disk may be fetched again. One whose start is cut short again and
    again (LIMITS.trial_attempts) is refused, unless it has ever run for long: then the power may be
    to blame, and it is only left for later, AFTER_NETWORK, so that a newer one can take its place
    before it ends the process once more; call it again without `hurried`. A start that was cut
    short in the middle of a trial is the trial's. What takes long is PREPARING, see `prepare`.
    """
    record = slot.store.record
    active, previous = record.active, record.previous
    if active is None:
        return Left.NOTHING
    cut_by_trial = record.trial is not None and record.swap_state != State.IDLE
    cut_short = record.boots >= LIMITS.trial_attempts
    if cut_short and record.proven and hurried:
        then = "it is loaded after the network was asked for a newer one"
        _tell(slot, active.release, _cut_short(slot, active.release, then))
        return Left.AFTER_NETWORK
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
    left = Left.NOTHING
    for installed in (active, previous):
        if installed is None:
            continue
        error_of = _take_up(slot, installed, load)
        if error_of is not None:
            _tell(slot, installed.release, error_of)
        elif slot.live.identity is None:
            left = Left.PREPARING if installed is active else left
        else:
            if installed is previous and left is Left.NOTHING:
                slot.save(active=previous, previous=None, boots=0, proven=False)
            break
    return left


def prepare(slot: Slot, stopped: Callable[[], bool], load: Load = load_installed) -> bool:
    """Prepares the active version again and takes it up; else the one before stays.

    Only what the engine made of it is damaged, or was made by another engine, or on another
    processor. False when `stopped`: to be called again.
    """
    active, previous = slot.store.record.active, slot.store.record.previous
    if active is None:
        return True
    try:
        staged = stage(slot.store.open(active), active.engine, slot.stage_limits, stopped)
        if staged is None:
            return False
        active = replace(active, staged=staged)
        slot.save(active=active)
        error = _take_up(slot, active, load)
    except EdgemlError as refused:
        error = refused
    except OSError as failed:
        error = _unreadable(active, failed)
    if error is not None:
        _tell(slot, active.release, error)
        if previous is not None and slot.live.identity is not None:
            slot.save(active=previous, previous=None, boots=0, proven=False)
    return True


def _take_up(slot: Slot, installed: Installed, load: Load) -> EdgemlError | None:
    """Makes it the live model, unless it must be prepared before; returns why that cannot be."""
    config, store = slot.config, slot.store
    try:
        if config.engine not in (None, installed.engine):
            raise EngineError(
                f"Version {installed.release.version} was taken up by {installed.engine}, but the "
                f"only engine to use is {config.engine}; it is fetched for that one."
            )
        opened = store.open(installed)
        if installed.staged.made_by == made_by(installed.engine) and store.intact(installed):
            slot.live.swap(load(installed, opened, config.threads))
    except EdgemlError as error:
        return error
    except OSError as error:
        return _unreadable(installed, error)
    return None


def _unreadable(installed: Installed, error: OSError) -> StorageError:
    return StorageError(
        f"Version {installed.release.version} cannot be read: {error}; it is fetched again."
    )


def _cut_short(slot: Slot, release: Release, then: str) -> StageError:
    return StageError(
        f"Version {release.version} did not run for {slot.config.healthy_seconds:g} s in "
        f"{slot.store.record.boots} starts; {then}.",
        category=Category.EXECUTION,
    )


def _tell(slot: Slot, release: Release, error: EdgemlError) -> None:
    slot.reporter.refusal("incident", error, release)
