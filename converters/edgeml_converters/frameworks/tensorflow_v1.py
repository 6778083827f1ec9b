"""A SavedModel that TensorFlow 2 cannot load, by the loader of TensorFlow 1 in a session.

Such files hold, for example, the slots of an optimiser of Keras 2 (`'_UserObject' object has no
attribute 'add_slot'`), or a graph for training beside the one for serving.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import ModelInput
from edgeml_converters.frameworks.base import name_outputs
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel, choose_signature

tf1 = tf.compat.v1


class SessionModel(TensorflowModel):
    """feeds, fetches: the tensors of `session`'s graph by the names of the signature."""

    def __init__(self, session: Any, feeds: Mapping[str, Any], fetches: Mapping[str, Any]) -> None:
        self.session = session
        self.feeds = feeds
        self.fetches = fetches
        function = _frozen(session, feeds, fetches)

        def call(arrays: Mapping[str, Any]) -> dict[str, Any]:
            return name_outputs(function(*(arrays[name] for name in feeds)))

        inputs = tuple(
            ModelInput(name=name, dtype=tensor.dtype.name, shape=_shape(name, tensor))
            for name, tensor in feeds.items()
        )
        super().__init__("saved-model-v1", session, call, inputs, kept=None)


def load(path: Path, wanted: str = "") -> SessionModel:
    """Raises InputError when its signatures do not say what to call."""
    graph = tf.Graph()
    with graph.as_default():
        session = tf1.Session(graph=graph)
        signatures = tf1.saved_model.load(session, ["serve"], str(path)).signature_def
    callable_ = {k: s for k, s in signatures.items() if not k.startswith("__")}
    signature = callable_[choose_signature(callable_, wanted)]

    def tensors(infos: Mapping[str, Any]) -> dict[str, Any]:
        return {name: graph.get_tensor_by_name(infos[name].name) for name in sorted(infos)}

    return SessionModel(session, tensors(signature.inputs), tensors(signature.outputs))


def frozen_graph(session: Any, fetches: Mapping[str, Any]) -> Any:
    """The session's graph with its variables as constants."""
    return tf1.graph_util.convert_variables_to_constants(
        session, session.graph.as_graph_def(), [tensor.op.name for tensor in fetches.values()]
    )


def _frozen(session: Any, feeds: Mapping[str, Any], fetches: Mapping[str, Any]) -> Any:
    """The frozen graph as a function of the feeds by position."""
    graph = frozen_graph(session, fetches)

    def build() -> None:
        tf.graph_util.import_graph_def(graph, name="")

    wrapped = tf1.wrap_function(build, [])
    by_name = wrapped.graph.get_tensor_by_name
    return wrapped.prune(
        feeds=[by_name(tensor.name) for tensor in feeds.values()],
        fetches={name: by_name(tensor.name) for name, tensor in fetches.items()},
    )


def _shape(name: str, tensor: Any) -> tuple[int | None, ...]:
    if not tensor.shape.rank:
        raise InputError(
            f"The SavedModel's input {name!r} does not say how many axes it has, or has none; save "
            "it with a placeholder whose first axis is the sample."
        )
    return tuple(tensor.shape.as_list())
