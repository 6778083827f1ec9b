"""Invariants on doubles with one fault each."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml import documents
from edgeml.errors import EngineError
from edgeml.evidence import Evidence, Invariant
from edgeml.parity import Array
from edgeml_converters.parity.invariants import FEW_SAMPLES, SAMPLES, Run, invariants

RNG = np.random.default_rng(0)
X = {"x": RNG.normal(size=(70, 6)).astype(np.float32)}
W = RNG.normal(size=(6, 3)).astype(np.float32)


def _linear(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {"y": arrays["x"] @ W}


class Recurrent:
    """Answers sample by sample from a state; forgets it between samples, or does not."""

    def __init__(self, keeps: bool) -> None:
        self._keeps = keeps
        self._state = np.zeros(3)

    def __call__(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        rows: list[Array] = []
        for sample in arrays["x"]:
            if not self._keeps:
                self._state = np.zeros(3)
            self._state = np.tanh(sample @ W + 0.5 * self._state)
            rows.append(self._state)
        return {"y": np.stack(rows).astype(np.float32)}


class Counted:
    def __init__(self, run: Run) -> None:
        self._run = run
        self.sizes: list[int] = []

    def __call__(self, arrays: dict[str, Array]) -> Mapping[str, Array]:
        self.sizes.append(len(arrays["x"]))
        return self._run(arrays)


def _ask(run: Run, frozen: int | None = None, **limits: float) -> dict[str, Invariant]:
    expected = _linear(X)
    found = invariants(run, X, run(X), expected, frozen, limits)
    for invariant in found:
        assert invariant.passed or invariant.message
        documents.encode(invariant)
    assert len({invariant.name for invariant in found}) == len(found)
    return {invariant.name: invariant for invariant in found}


def _broken(found: Mapping[str, Invariant]) -> set[str]:
    return {name for name, invariant in found.items() if not invariant.passed}


def test_a_sound_model_holds_in_few_calls() -> None:
    run = Counted(_linear)
    found = _ask(run)
    assert list(found) == ["repeat", "shuffle", "batch", "resize", "finite", "constant"]
    assert not _broken(found) and not any(i.message for i in found.values())
    assert len(run.sizes) <= 1 + 8 and max(run.sizes[1:]) <= SAMPLES
    assert found["repeat"].figure == 0.0


def test_candidates_are_asked_with_few_samples() -> None:
    run = Counted(_linear)
    found = invariants(run, X, _linear(X), _linear(X), most=FEW_SAMPLES)
    assert all(invariant.passed for invariant in found) and len(found) == 6
    assert sum(run.sizes) <= 5 * FEW_SAMPLES

    def over_the_batch(arrays: Mapping[str, Array]) -> dict[str, Array]:
        y = _linear(arrays)["y"]
        return {"y": y - y.mean(axis=0)}

    found = invariants(over_the_batch, X, over_the_batch(X), _linear(X), most=FEW_SAMPLES)
    assert {invariant.name for invariant in found if not invariant.passed} == {"batch", "resize"}


def test_a_recurrent_model_that_forgets_holds() -> None:
    assert not _broken(_ask(Recurrent(keeps=False), frozen=1))


@pytest.mark.parametrize("samples", [2, 3, 32, 70])
def test_state_between_calls_is_caught_though_the_first_sample_is_right(samples: int) -> None:
    few = {"x": X["x"][:samples]}
    run = Recurrent(keeps=True)
    answers = run(few)
    sound = Recurrent(keeps=False)(few)
    assert np.allclose(answers["y"][0], sound["y"][0])
    found = {i.name: i for i in invariants(run, few, answers, sound, 1)}
    assert not found["shuffle"].passed
    assert (found["shuffle"].figure or 0) > 0.05
    assert "reverse order" in found["shuffle"].message
    assert set(found) == {"repeat", "shuffle", "finite", "constant"}


def test_random_numbers_are_caught() -> None:
    rng = np.random.default_rng(1)

    def dropout(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"y": _linear(arrays)["y"] * (rng.random() > 0.5)}

    assert "repeat" in _broken(_ask(dropout)) or "shuffle" in _broken(_ask(dropout))


def test_normalising_over_the_batch_is_caught() -> None:
    def trained(arrays: Mapping[str, Array]) -> dict[str, Array]:
        y = _linear(arrays)["y"]
        return {"y": (y - y.mean(axis=0)) / (y.std(axis=0) + 1e-3)}

    found = _ask(trained)
    assert _broken(found) == {"batch", "resize"}
    assert "for a sample alone and among 32" in found["batch"].message


def test_an_engine_that_does_not_come_back_from_another_size_is_caught() -> None:
    sizes: set[int] = set()

    def stuck(arrays: Mapping[str, Array]) -> dict[str, Array]:
        sizes.add(len(arrays["x"]))
        return {"y": _linear(arrays)["y"] + (0.5 if 16 in sizes else 0.0)}

    found = _ask(stuck)
    assert _broken(found) == {"resize"}
    assert found["resize"].figure == pytest.approx(0.5, abs=1e-6)


def test_rounding_is_allowed_and_little_more() -> None:
    def near(error: float) -> Run:
        def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
            y = _linear(arrays)["y"].astype(np.float64)
            return {"y": y + error * np.abs(y).max() * (len(y) == 1)}

        return run

    assert not _broken(_ask(near(1e-6)))
    assert _broken(_ask(near(1e-3))) == {"batch"}


def test_another_batch_size_may_differ_within_the_limits_of_parity() -> None:
    def dynamic(arrays: Mapping[str, Array]) -> dict[str, Array]:
        scale = np.abs(arrays["x"]).max() / 127
        return _linear({"x": np.round(arrays["x"] / scale) * scale})

    assert "batch" in _broken(_ask(dynamic))
    found = _ask(dynamic, y=0.5)
    assert not _broken(found)
    assert "where 0.5 is allowed, for a sample alone and among 32" in found["batch"].message
    assert "batch" in _broken(_ask(dynamic, y=1e-3))


def test_only_rounding_is_allowed_in_the_same_call_whatever_the_limits() -> None:
    assert "shuffle" in _broken(_ask(Recurrent(keeps=True), frozen=1, y=10.0))


def test_a_frozen_batch_of_8_is_asked_for_8() -> None:
    run = Counted(_linear)
    invariants(run, X, _linear(X), _linear(X), 8)
    assert set(run.sizes) == {8}


def test_a_file_of_batch_1_is_not_asked_everything_three_times() -> None:
    run = Counted(_linear)
    invariants(run, X, _linear(X), _linear(X), 1)
    assert run.sizes == [SAMPLES, 4, SAMPLES]


def test_one_sample_is_asked_what_it_can_answer() -> None:
    one = {"x": X["x"][:1]}
    found = invariants(_linear, one, _linear(one), _linear(one))
    assert [i.name for i in found] == ["repeat", "finite"]


def test_nan_is_counted_and_no_figure() -> None:
    def overflow(arrays: Mapping[str, Array]) -> dict[str, Array]:
        y = _linear(arrays)["y"]
        y[:, 0] = np.inf
        return {"y": y, "z": np.full((len(y), 2), np.nan)}

    found = _ask(overflow)
    assert _broken(found) == {"finite"}
    assert found["finite"].message == "NaN or infinity in 70 of 210 in 'y', 140 of 140 in 'z'"


def test_nan_that_comes_and_goes_is_a_broken_repeat() -> None:
    calls: list[int] = []

    def unset(arrays: Mapping[str, Array]) -> dict[str, Array]:
        calls.append(1)
        return {"y": _linear(arrays)["y"] * (np.nan if len(calls) == 3 else 1)}

    found = _ask(unset)
    assert _broken(found) == {"repeat"}
    assert "between numbers and NaN" in found["repeat"].message
    assert found["repeat"].figure is None


@pytest.mark.parametrize("value", [0.0, 3.5, -1e30])
def test_an_answer_that_never_changes_is_caught(value: float) -> None:
    def constant(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"y": np.full((len(arrays["x"]), 3), value, np.float32)}

    found = _ask(constant)
    assert _broken(found) == {"constant"}
    assert found["constant"].message == "the same answer to every sample in 'y'"


def test_an_answer_that_never_changes_is_right_where_the_models_own_does_not() -> None:
    def constant(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"anchors": np.ones((len(arrays["x"]), 4), np.float32)}

    found = invariants(constant, X, constant(X), constant(X))
    assert all(invariant.passed for invariant in found)


def test_another_shape_is_caught() -> None:
    def squeezed(arrays: Mapping[str, Array]) -> dict[str, Array]:
        y = _linear(arrays)["y"]
        return {"y": y[:, None] if len(y) == 1 else y}

    found = _ask(squeezed)
    assert _broken(found) == {"batch"}
    assert "has shape [1, 1, 3] instead of [1, 3]" in found["batch"].message


def test_an_error_fails_what_asked_and_nothing_else() -> None:
    def refuses(arrays: Mapping[str, Array]) -> dict[str, Array]:
        if len(arrays["x"]) == 1:
            raise EngineError("The reshape takes 32 samples only.")
        return _linear(arrays)

    found = _ask(refuses)
    assert _broken(found) == {"batch"}
    assert "The reshape takes 32 samples only." in found["batch"].message


def test_an_error_of_the_first_call_is_raised() -> None:
    def refuses(arrays: Mapping[str, Array]) -> dict[str, Array]:
        raise EngineError("It is out of order.")

    with pytest.raises(EngineError, match="out of order"):
        invariants(refuses, X, _linear(X), _linear(X))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 5),
    st.sampled_from(["int64", "bool", "float16", "float64"]),
    st.sampled_from([(), (2,), (2, 3), (0,)]),
)
def test_every_dtype_and_shape_of_an_output(n: int, dtype: str, shape: tuple[int, ...]) -> None:
    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        rows = arrays["x"].sum(axis=1) * 100
        y = np.broadcast_to(rows.reshape(-1, *[1] * len(shape)), (len(rows), *shape))
        return {"y": y.astype(dtype)}

    few = {"x": X["x"][:n]}
    assert all(i.passed for i in invariants(run, few, run(few), run(few)))


def test_huge_values_overflow_nowhere() -> None:
    calls: list[int] = []

    def huge(arrays: Mapping[str, Array]) -> dict[str, Array]:
        calls.append(1)
        sign = 1 if len(calls) % 2 else -1
        return {"y": np.full((len(arrays["x"]), 1), 1.7e308) * sign}

    found = _ask(huge)
    assert not found["repeat"].passed
    documents.encode(Evidence(outputs=(), invariants=tuple(found.values())))
