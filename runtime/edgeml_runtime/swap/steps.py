"""What happens in each state of the swap; the order of the states is in machine.py."""

import time
from collections.abc import Callable

import msgspec

from edgeml import contract as contracts
from edgeml.errors import ContractError, EdgemlError, RoadError, StageError, StorageError
from edgeml.limits import LIMITS
from edgeml.release import Release
from edgeml.trust import Verifier
from edgeml_runtime import child
from edgeml_runtime.config import Config
from edgeml_runtime.engines import registry
from edgeml_runtime.serving.live import Identity, Live, LoadedModel
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Installed, Staged
from edgeml_runtime.swap import loader
from edgeml_runtime.swap.fetch import Fetcher, Interrupted
from edgeml_runtime.swap.machine import Event, Machine, State
from edgeml_runtime.swap.stage import stage
from edgeml_runtime.telemetry.reporter import Reporter


def load(installed: Installed, opened: Opened, threads: int) -> LoadedModel:
    """An installed version beside the live one; raises EngineError or HoldoutError."""
    release = installed.release
    identity = Identity(
        model=release.model,
        version=release.version,
        generation=release.generation,
        manifest_sha256=release.manifest_sha256,
        variant=installed.variant,
        engine=installed.engine,
    )
    entry = opened.folder / installed.staged.entry
    return loader.at_low_priority(
        lambda: loader.load(
            identity, opened.contract(), opened.variant, entry, opened.holdout(), threads
        )
    )


Stage = Callable[[Opened, str, child.Limits, Callable[[], bool]], Staged | None]
Load = Callable[[Installed, Opened, int], LoadedModel]


class Swap:
    """Takes one release after another from pointer to live model, in the calling thread.

    stopped: whether to drop what is under way, since the daemon ends or a newer release came.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        live: Live,
        reporter: Reporter,
        verifier: Verifier,
        fetcher: Fetcher,
        stopped: Callable[[], bool],
        stage: Stage = stage,
        load: Load = load,
    ) -> None:
        self._config = config
        self._store = store
        self._live = live
        self._reporter = reporter
        self._verifier = verifier
        self._fetcher = fetcher
        self._stopped = stopped
        self._stage_in_child = stage
        self._load_beside = load
        self._refusal: EdgemlError | None = None
        self._machine = Machine(self._entered)
        self._bodies: dict[State, Callable[[Release], Event]] = {
            State.RESOLVE: self._resolve,
            State.FETCH: self._fetch,
            State.VERIFY: self._verify,
            State.STAGE: self._stage,
            State.LOAD: self._load,
            State.ACTIVE: self._active,
            State.REJECT: self._reject,
        }

    def take(self, release: Release) -> bool:
        """Walks until idle; False when the same release should be tried again later."""
        self._begin(release)
        event = Event.RELEASED
        again = False
        while True:
            try:
                state = self._machine.fire(event)
            except StorageError as error:  # the state could not be saved
                self._machine.abandon()
                self._trouble(error, release)
                self.tell()
                return False
            if state is State.IDLE:
                return not again
            try:
                event = self._bodies[state](release)
            except Interrupted:
                event, again = Event.INTERRUPTED, True
            except (RoadError, OSError) as error:
                self._trouble(error, release)
                event, again = Event.INTERRUPTED, True
            except EdgemlError as error:
                self._refusal, event = error, Event.REFUSED

    def _begin(self, release: Release) -> None:
        # Before its first state is saved: on a full disk there would be no room to save it.
        self._store.make_room(release)
        self._release = release
        self._began = time.monotonic()
        self._came = 0
        self._refusal = None
        self._candidate: Installed | None = None
        self._loaded: LoadedModel | None = None

    def abandon(self) -> None:
        self._machine.abandon()
        self._loaded = None
        self.tell()

    def _entered(self, state: State) -> None:
        """Saves the state with what it changes: entering `active` is the commit of a swap."""
        record = self._store.record
        changes: dict[str, object] = {}
        match state:
            case State.RESOLVE:
                same = record.trial == self._release
                changes = {
                    "trial": self._release,
                    "attempts": record.attempts if same else 0,
                    "last_generation": self._release.generation,
                }
            case State.STAGE:
                changes = {"attempts": record.attempts + 1}
            case State.ACTIVE:
                changes = {"active": self._candidate, "trial": None, "attempts": 0, "boots": 0}
                if self._loaded is not None:
                    changes |= {"previous": record.active, "proven": False}
            case State.REJECT:
                changes = {
                    "rejected_generation": self._release.generation,
                    "trial": None,
                    "attempts": 0,
                }
            case State.IDLE:
                changes = {"attempts": 0}
            case _:
                pass
        self._store.save(swap_state=state, **changes)
        self.tell(state)

    def tell(self, state: State = State.IDLE) -> None:
        previous = self._store.record.previous
        self._reporter.swap_state(state, previous.release.version if previous else None)

    def _trouble(self, error: RoadError | OSError, release: Release) -> None:
        """Says what is wrong with the road or the disk; the same release is tried again later."""
        if isinstance(error, OSError):
            error = StorageError(f"The store cannot be used: {error}; check the disk.")
        if isinstance(error, StorageError):
            # A disk that we filled is no use to anybody; fetched again is better than stuck.
            self._store.collect(keep_trial=False)
        self._reporter.refusal("incident", error, release)

    # The bodies

    def _resolve(self, release: Release) -> Event:
        identity, active = self._live.identity, self._store.record.active
        if (
            identity is not None
            and active is not None
            and identity.manifest_sha256 == release.manifest_sha256
            and active.release.manifest_sha256 == release.manifest_sha256
        ):
            self._candidate = msgspec.structs.replace(active, release=release)
            return Event.KNOWN
        data = self._store.manifest(release)
        if data is None:
            data = self._fetcher.manifest(release)
        manifest = self._verifier.manifest(data, release)
        self._store.put_manifest(release, data)
        self._variant, self._engine = registry.choose(
            manifest, [self._config.engine] if self._config.engine else None
        )
        self._manifest = manifest
        return Event.RESOLVED

    def _fetch(self, release: Release) -> Event:
        files = self._manifest.files_for(self._variant)
        wanted = self._store.missing_blobs(release.manifest_sha256, files)
        self._reporter.event(
            "fetching",
            f"{len(wanted)} of {sum(len(f.blobs) for f in files)} blobs of {self._variant.id} "
            f"for {self._engine} are missing.",
            release=release,
        )
        self._came = self._fetcher.blobs(wanted, self._verifier, self._store)
        return Event.FETCHED

    def _verify(self, release: Release) -> Event:
        for file in self._manifest.files_for(self._variant):
            self._store.assemble(release.manifest_sha256, file, self._verifier)
        self._opened = Opened(
            self._store.package(release.manifest_sha256), self._manifest, self._variant
        )
        live = self._live.contract
        difference = live and contracts.difference(live, self._opened.contract())
        if difference:
            raise ContractError(
                f"Version {release.version} has another contract than the live one: {difference}; "
                "publish it as another model."
            )
        return Event.VERIFIED

    def _stage(self, release: Release) -> Event:
        attempts = self._store.record.attempts - 1
        if attempts >= LIMITS.trial_attempts:
            raise StageError(
                f"The device stopped {attempts} times while it tried version {release.version}; "
                "look at its memory and power, then publish again."
            )
        self._reporter.event(
            "staging", f"{self._variant.id} on {self._engine} re-runs its holdout.", release=release
        )
        limits = child.Limits(self._config.stage_seconds, self._config.stage_bytes)
        staged = self._stage_in_child(self._opened, self._engine, limits, self._stopped)
        if staged is None:
            raise Interrupted
        self._candidate = Installed(
            release=release, variant=self._variant.id, engine=self._engine, staged=staged
        )
        return Event.STAGED

    def _load(self, _release: Release) -> Event:
        candidate = self._candidate
        assert candidate is not None
        self._loaded = self._load_beside(candidate, self._opened, self._config.threads)
        return Event.LOADED

    def _active(self, release: Release) -> Event:
        """The state on disk names the new version already; now the live model follows."""
        loaded, self._loaded = self._loaded, None
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
                f"{before[0].version if before else 'nothing'} after fetching {self._came} blobs; "
                f"the swap itself took {(time.monotonic() - begin) * 1000:.1f} ms.",
                release=release,
                duration_ms=round((time.monotonic() - self._began) * 1000, 1),
            )
        self._store.collect()
        return Event.DONE

    def _reject(self, release: Release) -> Event:
        error = self._refusal
        assert error is not None
        self._reporter.refusal("rejected", error, release)
        self._store.collect()
        return Event.DONE
