"""Models in Keras for the tests, named as sources by path: keras_models.py:NAME.

Run as a program, writes FOLDER/sequential.keras, the same as sequential.h5, its weights alone as
alone.weights.h5, a Lambda with code in it as lambda.h5, the SavedModel FOLDER/saved, and two which
TensorFlow 2 cannot load: the same as FOLDER/old, and FOLDER/v1 of TensorFlow 1. TensorFlow 1 cannot
load FOLDER/unserved either.
"""

import shutil
import sys
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


def pair() -> keras.Model:
    """A dict of two inputs to a dict of two outputs of one shape, with an exact GELU."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1), name="image")
    extra = keras.Input((3,), name="extra")
    x = keras.layers.Conv2D(4, 3, activation="gelu")(image)
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), extra])
    outputs = {"zed": keras.layers.Dense(3)(x), "alpha": keras.layers.Dense(3)(x)}
    return keras.Model({"image": image, "extra": extra}, outputs)


def many() -> keras.Model:
    """y0 = x0 and so on; a SavedModel keeps no order of them."""
    inputs = {f"x{n}": keras.Input((2,), name=f"x{n}") for n in range(12)}
    outputs = {f"y{n}": keras.layers.Identity()(x) for n, x in enumerate(inputs.values())}
    return keras.Model(inputs, outputs)


def sequential() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dense(4, name="logits"),
        ]
    )


def blur() -> keras.Model:
    """An image and a number a sample to an image, in TensorFlow's layout."""
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 4, 3), name="image")
    gain = keras.Input((1,), name="gain")
    x = keras.layers.Conv2D(5, (3, 1))(image)
    x = keras.layers.Multiply()([x, keras.layers.Reshape((1, 1, 1))(gain)])
    mean = keras.layers.Dense(1)(keras.layers.Flatten()(x))
    return keras.Model([image, gain], {"blurred": x, "mean": mean})


def _age(saved: Path, old: Path) -> None:
    """As Keras 2 left SavedModels: a slot of an optimiser, which no object of today takes back."""
    shutil.copytree(saved, old)
    model = saved_model_pb2.SavedModel.FromString((old / "saved_model.pb").read_bytes())
    nodes = model.meta_graphs[0].object_graph_def.nodes
    variables = [i for i, node in enumerate(nodes) if node.WhichOneof("kind") == "variable"]
    nodes[0].slot_variables.add(
        original_variable_node_id=variables[0],
        slot_name="m",
        slot_variable_node_id=variables[1],
    )
    (old / "saved_model.pb").write_bytes(model.SerializeToString())


def _write_v1(folder: Path, tag: str = "serve") -> None:
    """A graph for training beside the one for serving, as estimators of TensorFlow 1 wrote them."""
    tf1 = tf.compat.v1
    builder = tf1.saved_model.Builder(str(folder))
    with tf.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [None, 3], name="x")
        start = tf1.initializers.random_normal(seed=1)
        y = tf.tanh(x @ tf1.get_variable("w", [3, 2], initializer=start, use_resource=False))
        session.run(tf1.global_variables_initializer())
        builder.add_meta_graph_and_variables(session, ["train"])
        signature = tf1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph([tag], {"serving_default": signature})
    builder.save()


def main(folder: Path) -> None:
    sequential().save(folder / "sequential.keras")
    sequential().save(folder / "sequential.h5")
    sequential().save_weights(folder / "alone.weights.h5")
    image = keras.Input((8, 8, 1))
    doubled = keras.layers.Lambda(lambda x: x * 2)(image)  # pyright: ignore
    keras.Model(image, doubled).save(folder / "lambda.h5")
    pair().export(folder / "saved", verbose=False)
    many().export(folder / "many", verbose=False)
    _age(folder / "saved", folder / "old")
    _write_v1(folder / "v1")
    _write_v1(folder / "unserved", "eval")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
