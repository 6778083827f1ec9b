"""All members, and their weights, trained anew by `python scripts/generate_curves.py --train`."""

import numpy as np
import torch

from tests.converters.zoo.members import detectors, numbers, pictures, streams, vectors
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
)
BY_NAME = {member.name: member for member in MEMBERS}


def train_all() -> None:
    """Writes the weights of all members in half precision, and what is no parameter as it is."""
    torch.set_num_threads(1)  # one order of summation, so one set of weights on one processor
    kept: dict[str, Array] = {}
    for member in MEMBERS:
        net = member.train()
        parameters = {name for name, _ in net.named_parameters()}
        for name, value in net.state_dict().items():
            array = value.numpy()
            kept[f"{member.name}/{name}"] = (
                array.astype(np.float16) if name in parameters else array
            )
    np.savez_compressed(WEIGHTS, **kept)  # pyright: ignore[reportArgumentType]
