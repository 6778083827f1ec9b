"""What happens in each state of the swap; the order of the states is in machine.py."""

import time
from collections.abc import Callable
from dataclasses import replace

from msgspec.structs import replace as changed

from edgeml import contract as contracts
from edgeml.errors import ContractError, EdgemlError, HoldoutError, StageError, StorageError
from edgeml.limits import LIMITS
from edgeml.manifest import Manifest
from edgeml.release import Release
from edgeml.trust import Verifier
from edgeml_runtime import child
from edgeml_runtime.engines import registry
from edgeml_runtime.slot import Slot
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Staged, Trial
from edgeml_runtime.swap import loader
from edgeml_runtime.swap.fetch import Fetcher, Interrupted
from edgeml_runtime.swap.loader import Load, load_installed
from edgeml_runtime.swap.machine import Event, Machine, State
from edgeml_runtime.swap.stage import stage
from edgeml_runtime.swap.walk import Walk

Stage = Callable[[Opened, str, child.Limits, Callable[[], bool]], Staged | None]
Body = Callable[[Walk], tuple[Event, Walk]]


class Swap:
    """Takes one release after another from pointer to live model, in the calling thread.

    stopped: whether to drop what is under way, since the daemon ends or a newer release came.
    """

    def __init__(
        self,
        slot: Slot,
        verifier: Verifier,
        fetcher: Fetcher,
        stopped: Callable[[], bool],
        stage: Stage = stage,
        load: Load = load_installed,
    ) -> None:
        self._slot = slot
        self._config = slot.config
        self._store = slot.store
        self._live = slot.live
        self._reporter = slot.reporter
        self._refusals = slot.refusals
        self._verifier = verifier
        self._fetcher = fetcher
        self._stopped = stopped
        self._stage_in_child = stage
        self._load_beside = load
        self._machine = Machine(self._entered)
        self._bodies: dict[State, Body] = {
            State.RESOLVE: self._resolve,
            State.FETCH: self._fetch,
            State.VERIFY: self._verify,
            State.STAGE: self._stage,
            State.LOAD: self._load,
            State.ACTIVE: self._active,
            State.REJECT: self._reject,
        }

    def take(self, release: Release) -> bool:
        """Walks until idle; False when the same release should be tried again later, after
        `Refusals.due_in`."""
        # Before its first state is saved: on a full disk there would be no room to save it.
        self._store.make_room(release)
        walk = Walk(self._trial(release), time.monotonic())
        event = Event.RELEASED
        while True:
            try:
                state = self._machine.fire(event, walk)
            except StorageError as error:  # the state could not be saved
                self._machine.abandon()
                self._refuse(walk, error)
                self._slot.tell(State.IDLE)
                return False
            if state is State.IDLE:
                return event is Event.DONE
            try:
                event, walk = self._bodies[state](walk)
            except Interrupted:
                event = Event.INTERRUPTED
            except (EdgemlError, OSError) as error:
                walk = self._refuse(walk, error)
                final = walk.refusal is not None and walk.refusal.final
                event = Event.REFUSED if final else Event.POSTPONED

    def _trial(self, release: Release) -> Trial:
        found = self._store.record.trial
        if found is not None and found.release == release:
            return Trial(release=release, attempts=found.attempts)
        return Trial(release=release)

    def abandon(self, release: Release, error: Exception) -> None:
        """After a bug of ours: the same release is tried again later."""
        self._machine.abandon()
        unforeseen = EdgemlError(f"An unforeseen {type(error).__name__} ended the swap: {error}.")
        self._refuse(Walk(Trial(release=release), 0.0), unforeseen)
        self._slot.tell(State.IDLE)

    def _entered(self, state: State, walk: Walk) -> None:
        """Saves the state with what it changes: entering `active` is the commit of a swap."""
        record, trial = self._store.record, walk.trial
        changes: dict[str, object] = {"trial": trial}
        match state:
            case State.RESOLVE:
                changes["trusted"] = record.trusted.after(trial.release)
            case State.ACTIVE:
                self._refusals.lift(trial.release)
                changes = {"active": walk.installed(), "trial": None, "boots": 0}
                if walk.loaded is not None:
                    changes["proven"] = False
                    if record.active and not _same(record.active.release, trial.release):
                        changes["previous"] = record.active
            case State.REJECT:
                changes["trial"] = None
            case State.IDLE:
                changes = {"trial": record.trial and changed(record.trial, attempts=0)}
            case _:
                pass
        self._store.save(swap_state=state, refused=self._refusals.known, **changes)
        self._slot.tell(state)

    def _refuse(self, walk: Walk, error: EdgemlError | OSError) -> Walk:
        """Remembers and tells why it is not taken up, for now or for ever."""
        release = walk.trial.release
        if isinstance(error, OSError):
            error = StorageError(f"The store cannot be used: {error}; check the disk.")
        elif isinstance(error, HoldoutError) and not self._whole(walk):
            error = StorageError(f"Version {release.version} was damaged on this disk meanwhile; "
                                 "it is fetched again.")  # fmt: skip
        refusal = self._slot.refuse(release, error)
        if isinstance(error, StorageError):
            # A disk that we filled is no use to anybody; fetched again is better than stuck.
            self._store.collect(keep_trial=False)
        return replace(walk, refusal=refusal)

    # The bodies

    def _resolve(self, walk: Walk) -> tuple[Event, Walk]:
        release = walk.trial.release
        identity, active = self._live.identity, self._store.record.active
        if (
            identity is not None
            and active is not None
            and identity.manifest_sha256 == release.manifest_sha256
            and active.release.manifest_sha256 == release.manifest_sha256
        ):
            known = walk.on(variant=active.variant, engine=active.engine, staged=active.staged)
            return Event.KNOWN, known
        data = self._store.manifest(release)
        if data is None:
            data = self._fetcher.manifest(release)
        manifest = self._verifier.manifest(data, release)
        self._store.put_manifest(release, data)
        variant, engine = registry.choose(
            manifest, [self._slot.followed.engine] if self._slot.followed.engine else None
        )
        return Event.RESOLVED, walk.on(variant=variant.id, engine=engine)

    def _fetch(self, walk: Walk) -> tuple[Event, Walk]:
        release, manifest = walk.trial.release, self._manifest(walk)
        opened = self._opened(walk, manifest)
        files = manifest.files_for(opened.variant)
        digest = release.manifest_sha256
        wanted = self._store.missing_blobs(digest, files)
        self._reporter.event(
            "fetching",
            f"{len(wanted)} of {sum(len(f.blobs) for f in files)} blobs of {opened.variant.id} "
            f"for {walk.trial.engine} are missing.",
            release=release,
        )
        self._store.check_room(digest, files, set(wanted), manifest.blob_bytes)
        # What it is for comes first: the rest is not fetched to be refused.
        first = self._store.missing_blobs(digest, [manifest.contract])
        came = self._fetcher.blobs(first, self._verifier, self._store)
        self._store.assemble(digest, manifest.contract, self._verifier)
        self._check_contract(release, opened)
        rest = [blob for blob in wanted if blob not in first]
        came += self._fetcher.blobs(rest, self._verifier, self._store)
        return Event.FETCHED, walk.on(came=came)

    def _verify(self, walk: Walk) -> tuple[Event, Walk]:
        digest, manifest = walk.trial.release.manifest_sha256, self._manifest(walk)
        for file in manifest.files_for(self._opened(walk, manifest).variant):
            self._store.assemble(digest, file, self._verifier)
        self._store.drop_blobs()
        return Event.VERIFIED, walk.on(attempts=walk.trial.attempts + 1)

    def _stage(self, walk: Walk) -> tuple[Event, Walk]:
        trial = walk.trial
        if trial.attempts > LIMITS.trial_attempts:
            raise StageError(
                f"The device stopped {trial.attempts - 1} times while it tried version "
                f"{trial.release.version}; look at its memory and power."
            )
        opened = self._opened(walk, self._manifest(walk))
        with self._slot.staging(self._stopped) as mine:
            if not mine:
                raise Interrupted
            self._reporter.event(
                "staging",
                f"{trial.variant} on {trial.engine} re-runs its holdout.",
                release=trial.release,
            )
            limits = self._slot.stage_limits
            staged = self._stage_in_child(opened, trial.engine, limits, self._stopped)
        if staged is None:
            raise Interrupted
        return Event.STAGED, walk.on(staged=staged)

    def _load(self, walk: Walk) -> tuple[Event, Walk]:
        opened = self._opened(walk, self._manifest(walk))
        loaded = self._load_beside(walk.installed(), opened, self._config.threads_each)
        return Event.LOADED, replace(walk, loaded=loaded)

    def _active(self, walk: Walk) -> tuple[Event, Walk]:
        """The state on disk names the new version already; now the live model follows."""
        release, loaded = walk.trial.release, walk.loaded
        if loaded is None:
            before = self._live.adopt(release.generation)
            if before is not None:
                self._reporter.report_window(*before)
            self._reporter.event("swapped", "It is live already.", release=release)
        else:
            identity = loaded.identity
            begin = time.monotonic()
            before = loader.at_low_priority(lambda: self._live.swap(loaded))
            if before is not None:
                self._reporter.report_window(*before)
            self._reporter.event(
                "swapped",
                f"{release.version} on {identity.engine} replaced "
                f"{before[0].version if before else 'nothing'} after fetching {walk.trial.came} "
                f"blobs; the swap itself took {(time.monotonic() - begin) * 1000:.1f} ms.",
                release=release,
                duration_ms=round((time.monotonic() - walk.began) * 1000, 1),
            )
        self._store.collect()
        return Event.DONE, walk

    def _reject(self, walk: Walk) -> tuple[Event, Walk]:
        refusal = walk.refusal
        assert refusal is not None
        self._reporter.event(
            "rejected", refusal.message, release=refusal.release, category=refusal.category
        )
        self._store.collect()
        return Event.DONE, walk

    # What they share

    def _manifest(self, walk: Walk) -> Manifest:
        """Of the trial, from the disk; raises StorageError where it has gone from there."""
        release = walk.trial.release
        data = self._store.manifest(release)
        if data is None:
            raise StorageError(f"The manifest of {release.version} has gone; check the disk.")
        return self._verifier.manifest(data, release)

    def _opened(self, walk: Walk, manifest: Manifest) -> Opened:
        trial = walk.trial
        folder = self._store.package(trial.release.manifest_sha256)
        return Opened.of(folder, manifest, trial.variant)

    def _whole(self, walk: Walk) -> bool:
        manifest = self._manifest(walk)
        files = manifest.files_for(self._opened(walk, manifest).variant)
        digest = walk.trial.release.manifest_sha256
        return all(self._store.has_file(digest, file) for file in files)

    def _check_contract(self, release: Release, opened: Opened) -> None:
        live = self._live.contract
        difference = live and contracts.difference(live, opened.contract())
        if difference:
            raise ContractError(
                f"Version {release.version} has another contract than the live one: {difference}; "
                "publish it as another model."
            )


def _same(a: Release, b: Release) -> bool:
    """Whether they name one package: taken up once more, it is not what was before itself."""
    return a.manifest_sha256 == b.manifest_sha256
