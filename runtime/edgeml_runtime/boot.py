"""The start: the version on disk predicts before the network is there, or the one before it."""

from collections.abc import Callable

import msgspec

from edgeml.errors import Category, EdgemlError, EngineError, StageError, StorageError
from edgeml.limits import LIMITS
from edgeml_runtime import child
from edgeml_runtime.config import Config
from edgeml_runtime.live import Live
from edgeml_runtime.machine import State
from edgeml_runtime.record import Installed
from edgeml_runtime.reporter import Reporter
from edgeml_runtime.stage import stage
from edgeml_runtime.steps import Load, load
from edgeml_runtime.store import Store


def boot(
    config: Config,
    store: Store,
    live: Live,
    reporter: Reporter,
    stopped: Callable[[], bool],
    load: Load = load,
) -> None:
    """Takes up the active version; when that cannot be, the previous one.

    A version that is damaged on disk may be fetched again. One whose start is cut short again and
    again (LIMITS.trial_attempts) is given up for ever, unless it has ever run for long: then the
    power is to blame. A start that was cut short in the middle of a trial is the trial's.
    """
    record = store.record
    active, previous = record.active, record.previous
    if active is None:
        return
    cut_by_trial = record.trial is not None and record.swap_state != State.IDLE
    if record.boots >= LIMITS.trial_attempts and previous is not None and not record.proven:
        error = StageError(
            f"Version {active.release.version} did not run for {config.healthy_seconds:g} s in "
            f"{record.boots} starts; going back to {previous.release.version}.",
            category=Category.EXECUTION,
        )
        reporter.refusal("incident", error, active.release)
        rejected = max(record.rejected_generation, active.release.generation)
        _save(store, reporter, active=previous, previous=None, boots=0, proven=False,
              rejected_generation=rejected)  # fmt: skip
        active, previous = previous, None
    else:
        boots = record.boots if cut_by_trial else record.boots + 1
        _save(store, reporter, boots=boots, swap_state=State.IDLE)
    for installed in (active, previous):
        if installed is None:
            continue
        try:
            found = _take_up(config, store, live, installed, stopped, load)
        except EdgemlError as error:
            reporter.refusal("incident", error, installed.release)
            continue
        except OSError as error:
            damage = StorageError(f"Version {installed.release.version} cannot be read: {error}; "
                                  "it is fetched again.")  # fmt: skip
            reporter.refusal("incident", damage, installed.release)
            continue
        if installed is previous:
            _save(store, reporter, active=found, previous=None, boots=0, proven=False)
        elif found is not active:
            _save(store, reporter, active=found)
        return


def _take_up(
    config: Config,
    store: Store,
    live: Live,
    installed: Installed,
    stopped: Callable[[], bool],
    load: Load,
) -> Installed:
    """Makes it the live model; returns it as it is now in the store."""
    if config.engine not in (None, installed.engine):
        raise EngineError(
            f"Version {installed.release.version} was taken up by {installed.engine}, but the only "
            f"engine to use is {config.engine}; it is fetched for that one."
        )
    opened = store.open(installed)
    if not store.intact(installed):
        # Only what the engine made of it is damaged: it is made again.
        limits = child.Limits(config.stage_seconds, config.stage_bytes)
        staged = stage(opened, installed.engine, limits, stopped)
        if staged is None:
            return installed
        installed = msgspec.structs.replace(installed, staged=staged)
    live.swap(load(installed, opened, config.threads))
    return installed


def _save(store: Store, reporter: Reporter, **changes: object) -> None:
    try:
        store.save(**changes)
    except StorageError as error:  # a full disk keeps nobody from predicting
        reporter.refusal("incident", error, None)
