"""How the kernel of an ONNX convolution goes over a picture: attributes as the operators' text has
them, for both kinds of convolution."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeml_converters.quantise.kernels import Slide, same_padding


def slides_of(
    attributes: Mapping[str, Any], kernel: Sequence[int], sizes: Sequence[int], *, transposed: bool
) -> list[Slide]:
    """One for each axis. kernel: its taps; sizes: of the picture that is taken."""
    if "output_shape" in attributes:  # some have the batch and the channels in front
        attributes = {**attributes, "output_shape": attributes["output_shape"][-len(kernel) :]}
    one = _transposed if transposed else _plain
    return [
        one(attributes, axis, taps, taken)
        for axis, (taps, taken) in enumerate(zip(kernel, sizes, strict=True))
    ]


def _plain(attributes: Mapping[str, Any], axis: int, taps: int, taken: int) -> Slide:
    step, apart = _of(attributes, "strides", axis), _of(attributes, "dilations", axis)
    auto = _auto(attributes)
    if auto.startswith("SAME"):
        given = -(-taken // step)
        padding = same_padding(taps, taken, given, step, apart)
        return Slide(taps, taken, given, step, apart, _front(padding, auto))
    before, behind = _padding(attributes, axis)
    given = (taken + before + behind - (taps - 1) * apart - 1) // step + 1
    return Slide(taps, taken, given, step, apart, before)


def _transposed(attributes: Mapping[str, Any], axis: int, taps: int, taken: int) -> Slide:
    step, apart = _of(attributes, "strides", axis), _of(attributes, "dilations", axis)
    whole = step * (taken - 1) + (taps - 1) * apart + 1
    whole += _of(attributes, "output_padding", axis, 0)
    asked, auto = attributes.get("output_shape"), _auto(attributes)
    if asked or auto.startswith("SAME"):
        given = int(asked[axis]) if asked else taken * step
        return Slide(taps, taken, given, step, apart, _front(whole - given, auto))
    before, behind = _padding(attributes, axis)
    return Slide(taps, taken, whole - before - behind, step, apart, before)


def _of(attributes: Mapping[str, Any], name: str, axis: int, default: int = 1) -> int:
    values = attributes.get(name)
    return int(values[axis]) if values else default


def _auto(attributes: Mapping[str, Any]) -> str:
    name = attributes.get("auto_pad", b"NOTSET")
    return name.decode() if isinstance(name, bytes) else str(name)


def _padding(attributes: Mapping[str, Any], axis: int) -> tuple[int, int]:
    pads = attributes.get("pads")
    if not pads or _auto(attributes) == "VALID":
        return 0, 0
    return int(pads[axis]), int(pads[len(pads) // 2 + axis])


def _front(padding: int, auto: str) -> int:
    return padding // 2 if auto == "SAME_UPPER" else padding - padding // 2
