"""All members, and their weights, trained anew by `python scripts/generate_curves.py --train`."""

from collections.abc import Sequence

import numpy as np
import torch

from tests.converters.zoo.members import detectors, hidden, numbers, pictures, streams, vectors
from tests.converters.zoo.members.member import WEIGHTS, Array, Member

MEMBERS: tuple[Member, ...] = (
    detectors.ONE,
    detectors.TWO,
    pictures.CHANNELS_FIRST,
    pictures.CHANNELS_LAST,
    pictures.POSE,
    vectors.EMBEDDING,
    vectors.TWO_HEADS,
    vectors.RARE_EVENT,
    numbers.TINY,
    numbers.MIXED,
    numbers.TWELVE,
    streams.STREAM,
    hidden.REGIMES,
    hidden.ALARM,
)
BY_NAME = {member.name: member for member in MEMBERS}


def train(names: Sequence[str] = ()) -> None:
    """Writes the weights of these members, or of all, in half precision, and what is no parameter
    as it is."""
    torch.set_num_threads(1)  # one order of summation, so one set of weights on one processor
    kept: dict[str, Array] = {}
    if names:
        with np.load(WEIGHTS) as before:
            kept = {key: before[key] for key in before if key.partition("/")[0] not in names}
    for member in (BY_NAME[name] for name in names or BY_NAME):
        net = member.train()
        parameters = {name for name, _ in net.named_parameters()}
        for name, value in net.state_dict().items():
            array = value.numpy()
            kept[f"{member.name}/{name}"] = (
                array.astype(np.float16) if name in parameters else array
            )
    np.savez_compressed(WEIGHTS, **kept)  # pyright: ignore[reportArgumentType]
