"""Requests are let in by names, dtypes, shapes and finiteness, and by nothing else."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml.contract import Contract, Tensor, as_reals, as_taken, difference
from edgeml.errors import ContractError
from edgeml.quantisation import Quantisation

DTYPES = ["float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool"]
names = st.text("abcxyz_/:0", min_size=1, max_size=6)
sizes = st.integers(1, 4)
symbols = st.sampled_from(["batch", "time", "n"])
shapes = st.lists(sizes | symbols, max_size=4).map(tuple)


@st.composite
def tensor_lists(draw: st.DrawFn) -> tuple[Tensor, ...]:
    found = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    return tuple(
        Tensor(name=name, dtype=draw(st.sampled_from(DTYPES)), shape=draw(shapes)) for name in found
    )


contracts = st.builds(Contract, inputs=tensor_lists(), outputs=tensor_lists(), schema=st.just(1))
Request = dict[str, npt.NDArray[Any]]


@st.composite
def requests(draw: st.DrawFn) -> tuple[Contract, Request]:
    """A contract and inputs that satisfy it."""
    contract = draw(contracts)
    chosen = {symbol: draw(sizes) for symbol in ("batch", "time", "n")}
    request: Request = {}
    for tensor in contract.inputs:
        shape = tuple(chosen[d] if isinstance(d, str) else d for d in tensor.shape)
        dtype = np.dtype(tensor.dtype)
        elements = st.floats(-9, 9, width=16) if dtype.kind == "f" else None
        request[tensor.name] = draw(hnp.arrays(dtype, shape, elements=elements))
    return contract, request


@given(requests(), st.randoms())
def test_what_satisfies_is_let_in(made: tuple[Contract, Request], random: Any) -> None:
    contract, request = made
    contract.check_inputs(request)
    order = list(request)
    random.shuffle(order)
    contract.check_inputs({name: request[name] for name in order})


@given(requests(), st.data())
def test_a_wrong_dtype_is_named(made: tuple[Contract, Request], data: st.DataObject) -> None:
    contract, request = made
    name = data.draw(st.sampled_from(sorted(request)))
    other = data.draw(st.sampled_from([d for d in DTYPES if d != request[name].dtype.name]))
    found = request[name].dtype.name
    with np.errstate(all="ignore"):
        request[name] = request[name].astype(other)
    with pytest.raises(ContractError) as error:
        contract.check_inputs(request)
    assert f"The input {name!r} must be {found}, but is {other}; cast it." in str(error.value)


@given(requests(), st.data())
def test_another_rank_is_named(made: tuple[Contract, Request], data: st.DataObject) -> None:
    contract, request = made
    name = data.draw(st.sampled_from(sorted(request)))
    request[name] = request[name][None]
    with pytest.raises(ContractError) as error:
        contract.check_inputs(request)
    assert f"The input {name!r} must have shape" in str(error.value)
    assert f"has [{', '.join(map(str, request[name].shape))}]" in str(error.value)


@given(requests(), st.data())
def test_another_fixed_size_is_named(made: tuple[Contract, Request], data: st.DataObject) -> None:
    contract, request = made
    fixed = [(t, i) for t in contract.inputs for i, d in enumerate(t.shape) if isinstance(d, int)]
    assume(fixed)
    tensor, axis = data.draw(st.sampled_from(fixed))
    request[tensor.name] = np.repeat(request[tensor.name], 2, axis=axis)
    with pytest.raises(ContractError) as error:
        contract.check_inputs(request)
    assert f"The input {tensor.name!r} must have shape" in str(error.value)


@given(requests(), st.data())
def test_missing_and_strange_names_are_listed(
    made: tuple[Contract, Request], data: st.DataObject
) -> None:
    contract, request = made
    name = data.draw(st.sampled_from(sorted(request)))
    value = request.pop(name)
    for wrong in ({**request}, {**request, f"{name}!": value}):
        with pytest.raises(ContractError) as error:
            contract.check_inputs(wrong)
        assert repr(name) in str(error.value)
    with pytest.raises(ContractError):
        contract.check_inputs({**request, name: value, f"{name}!": value})


@given(requests(), st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_nan_and_infinity_are_refused_in_an_input(
    made: tuple[Contract, Request], bad: float, data: st.DataObject
) -> None:
    contract, request = made
    floats = [name for name, value in request.items() if value.dtype.kind == "f"]
    assume(floats)
    name = data.draw(st.sampled_from(floats))
    flat = request[name].reshape(-1).copy()
    flat[data.draw(st.integers(0, flat.size - 1))] = bad
    request[name] = flat.reshape(request[name].shape)
    with pytest.raises(ContractError) as error:
        contract.check_inputs(request)
    assert f"The input {name!r} must be finite" in str(error.value)


def one(shape: tuple[int | str, ...], dtype: str = "float32", **more: Any) -> Contract:
    tensor = Tensor(name="x", dtype=dtype, shape=shape, **more)
    return Contract(inputs=(tensor,), outputs=(tensor,))


def test_nan_may_be_allowed() -> None:
    contract = one((2,), nan="allow")
    contract.check_inputs({"x": np.array([np.nan, np.inf], np.float32)})


def test_finite_values_whose_sum_overflows_are_let_in() -> None:
    one(("n",)).check_inputs({"x": np.full(8, np.finfo(np.float32).max)})
    one(("n",), "float16").check_inputs({"x": np.full(8, np.finfo(np.float16).max)})


def test_one_symbol_is_one_size_over_the_request() -> None:
    contract = Contract(
        inputs=(
            Tensor(name="a", dtype="int64", shape=("batch", 2)),
            Tensor(name="b", dtype="int64", shape=("batch",)),
        ),
        outputs=(),
    )
    contract.check_inputs({"a": np.zeros((3, 2), np.int64), "b": np.zeros(3, np.int64)})
    with pytest.raises(ContractError, match="'b' must have shape \\[batch\\], but has \\[4\\]"):
        contract.check_inputs({"a": np.zeros((3, 2), np.int64), "b": np.zeros(4, np.int64)})


def test_an_empty_request_is_refused() -> None:
    with pytest.raises(ContractError, match="but has \\[0, 4\\]"):
        one(("batch", 4)).check_inputs({"x": np.zeros((0, 4), np.float32)})


def test_a_broken_answer_is_an_output() -> None:
    with pytest.raises(ContractError, match="The output 'x' must be finite"):
        one((1,)).check_outputs({"x": np.array([np.nan], np.float32)})


@given(contracts)
def test_nothing_differs_from_itself(contract: Contract) -> None:
    assert difference(contract, contract) is None


@given(contracts, contracts)
def test_difference_is_symmetric(one_: Contract, other: Contract) -> None:
    assert (difference(one_, other) is None) == (difference(other, one_) is None)


@given(contracts, st.permutations(["batch", "time", "n"]))
def test_names_of_symbols_and_order_of_tensors_do_not_matter(
    contract: Contract, renamed: list[str]
) -> None:
    new = dict(zip(["batch", "time", "n"], renamed, strict=True))

    def rename(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(
            Tensor(
                name=t.name,
                dtype=t.dtype,
                shape=tuple(new[d] if isinstance(d, str) else d for d in t.shape),
            )
            for t in reversed(tensors)
        )

    other = Contract(inputs=rename(contract.inputs), outputs=rename(contract.outputs))
    assert difference(contract, other) is None


@given(requests(), contracts)
def test_where_nothing_differs_one_request_satisfies_both(
    made: tuple[Contract, Request], other: Contract
) -> None:
    contract, request = made
    offered = Contract(inputs=other.inputs, outputs=contract.outputs)
    if difference(contract, offered) is None:
        offered.check_inputs(request)


def pair(first: tuple[int | str, ...], second: tuple[int | str, ...]) -> Contract:
    tensors = (
        Tensor(name="a", dtype="float32", shape=first),
        Tensor(name="b", dtype="float32", shape=second),
    )
    return Contract(inputs=tensors, outputs=())


CHANGES = {
    "other_names": (one((1,)), Contract(inputs=(), outputs=one((1,)).outputs), "its inputs are"),
    "dtype": (one((1,)), one((1,), "float64"), "is float64 and not float32"),
    "size": (one(("n", 3)), one(("n", 4)), "has shape [n, 4], not [n, 3]"),
    "rank": (one((3,)), one((3, 1)), "has shape [3, 1], not [3]"),
    "fixed_for_symbol": (one(("n",)), one((8,)), "has shape [8], not [n]"),
    "nan": (one((1,)), one((1,), nan="allow"), "would allow NaN"),
    "one_symbol_for_two": (one(("n", "m")), one(("n", "n")), "has shape [n, n], not [n, m]"),
    "tied_over_tensors": (pair(("n",), ("m",)), pair(("n",), ("n",)), "'b' has shape [n], not [m]"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_breaks_callers_is_named(change: str) -> None:
    live, offered, sentence = CHANGES[change]
    found = difference(live, offered)
    assert found is not None and sentence in found


def test_the_other_byte_order_is_refused() -> None:
    """Its dtype has the same name, and an engine would read its bytes as they lie."""
    contract = Contract(inputs=(Tensor(name="x", dtype="float32", shape=("n",)),), outputs=())
    contract.check_inputs({"x": np.ones(2, np.float32)})
    with pytest.raises(ContractError, match="byte order"):
        contract.check_inputs({"x": np.ones(2, np.dtype(np.float32).newbyteorder())})


def _of_integers(scale: float = 0.5, zero_point: int = 3) -> Contract:
    means = Quantisation(scale=scale, zero_point=zero_point)
    tensor = Tensor(name="x", dtype="uint8", shape=("batch", 2), quantisation=means)
    return Contract(inputs=(tensor,), outputs=(tensor,))


def test_floats_are_rounded_to_the_integers_that_stand_for_them() -> None:
    contract = _of_integers()
    floats = np.array([[0.0, 0.76], [-9.0, 1000.0]], np.float32)
    with pytest.raises(ContractError, match=r"round it to steps of its scale 0.5 and add its zero"):
        contract.check_inputs({"x": floats})
    taken = as_taken(contract.inputs, {"x": floats})
    assert taken["x"].tolist() == [[3, 5], [0, 255]] and taken["x"].dtype == np.uint8
    contract.check_inputs(taken)
    assert as_reals(contract.outputs, taken)["x"].tolist() == [[0.0, 1.0], [-1.5, 126.0]]
    contract.check_expected({"x": floats})
    with pytest.raises(ContractError, match="must be float32"):
        contract.check_expected(taken)


def test_another_scale_is_another_contract() -> None:
    words = difference(_of_integers(), _of_integers(zero_point=-4))
    assert words == "the integers of 'x' stand for 0.5 * (q + 4) and not for 0.5 * (q - 3)"
    assert difference(_of_integers(), _of_integers()) is None
