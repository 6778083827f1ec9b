"""Models in Keras that converters are known to get wrong, named as sources by path."""

import tempfile
from typing import Any

import keras
import tensorflow as tf

layers = keras.layers


def grouped() -> keras.Model:
    """Convolutions in groups, which Keras compiles by XLA; constants beside variables."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    x = layers.Normalization(mean=[0.5, 0.4, 0.3, 0.2], variance=[0.2, 0.2, 0.3, 0.4])(image)
    x = layers.Conv2D(8, 3, groups=2, activation="relu")(x)
    x = layers.Conv2D(8, 3, padding="same", groups=8)(x)
    return keras.Model(image, layers.Dense(3, name="scores")(layers.Flatten()(x)))


def _saved(model: keras.Model) -> Any:
    """The same as a SavedModel, whose functions are traced already."""
    folder = tempfile.mkdtemp()
    model.export(folder, verbose=False)
    return tf.saved_model.load(folder)


def grouped_saved() -> Any:
    return _saved(grouped())


def _divided(n: Any) -> dict[str, Any]:
    return {
        "down": n // 4,
        "up": -(-n // 3),
        "modulo": n % 5,
        "negative": n % -5,
        "truncated": tf.truncatediv(n, 4),
        "rest": tf.truncatemod(n, 5),
    }


def divided() -> Any:
    """What rounds down, of integers, and what rounds to zero."""
    folder, module = tempfile.mkdtemp(), tf.Module()
    serve = tf.function(_divided, input_signature=[tf.TensorSpec([None, 6], tf.int32, name="n")])
    tf.saved_model.save(module, folder, signatures={"serving_default": serve})
    return tf.saved_model.load(folder)


def chosen() -> keras.Model:
    """The places of the largest and of the smallest."""
    x = keras.Input((6,), name="x")
    return keras.Model(x, {"most": keras.ops.argmax(x, -1), "least": keras.ops.argmin(x, -1)})


def mixed() -> keras.Model:
    """Trained in half precision, with a head in float32."""
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        x = image = keras.Input((8, 8, 3), name="image")
        x = layers.BatchNormalization()(layers.Conv2D(8, 3, activation="relu")(x))
        x = layers.TimeDistributed(layers.Dense(4))(x)
        x = layers.Dense(3)(layers.Flatten()(x))
        return keras.Model(image, layers.Activation("softmax", dtype="float32", name="y")(x))
    finally:
        keras.mixed_precision.set_global_policy("float32")


class Subclassed(keras.Model):
    """Says nothing of its inputs before it is called."""

    def __init__(self) -> None:
        super().__init__()
        keras.utils.set_random_seed(0)
        self.wide, self.head = layers.Dense(8, "relu"), layers.Dense(3)

    def call(self, left: Any, right: Any = None, training: bool = False) -> Any:
        if isinstance(left, dict):
            left, right = left["left"], left["right"]
        found = self.wide(left)
        return self.head(found if right is None else found * right)


def subclassed() -> keras.Model:
    return Subclassed()


def resized() -> keras.Model:
    """Asked without a graph, Resizing rounds uint8 in another way than `predict` does."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255)(layers.Resizing(7, 7)(image))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(x)))


def looked_up() -> keras.Model:
    """Tables of integers, counts of classes and steps of numbers."""
    keras.utils.set_random_seed(0)
    code = keras.Input((2,), dtype="int64", name="code")
    size = keras.Input((3,), name="size")
    counted = layers.IntegerLookup(vocabulary=[70, -20, 35], output_mode="count")(code)
    places = layers.IntegerLookup(vocabulary=[70, -20, 35], num_oov_indices=2)(code)
    steps = layers.Discretization([-1.0, 0.0, 0.5])(size)
    several = layers.CategoryEncoding(4, output_mode="multi_hot")(steps)
    answers = {"counted": counted, "places": places, "steps": steps, "several": several}
    return keras.Model([code, size], answers)


def looked_up_saved() -> Any:
    return _saved(looked_up())


def chosen_saved() -> Any:
    return _saved(chosen())


def hashed() -> keras.Model:
    code = keras.Input((2,), dtype="int64", name="code")
    spread = layers.Embedding(8, 4)(layers.Hashing(8, name="buckets")(code))
    return keras.Model(code, layers.Flatten(name="flat")(spread))


def resized_in_all_ways() -> keras.Model:
    """By what neither format interpolates, smaller and larger."""
    image = keras.Input((6, 5, 2), name="image")
    ways = {"bicubic": False, "area": False, "lanczos3": False, "bilinear": True}
    answers = {
        way: layers.Resizing(4, 7, interpolation=way, antialias=antialias)(image)
        for way, antialias in ways.items()
    }
    return keras.Model(image, answers)


def doubled() -> keras.Model:
    x = keras.Input((3,), dtype="float64", name="x")
    return keras.Model(x, layers.Dense(2, dtype="float64")(x))


def inverted() -> keras.Model:
    x = keras.Input((2, 2), name="x")
    return keras.Model(x, layers.Reshape((4,))(keras.ops.linalg.inv(x)))


class Spectra(layers.Layer):
    """Of complex numbers, in lengths that TFLite transforms and in one that it does not."""

    def call(self, sound: Any) -> dict[str, Any]:
        frames = tf.signal.stft(sound, 128, 64, fft_length=128)
        loud = tf.abs(frames)
        mel = tf.math.log(loud @ tf.signal.linear_to_mel_weight_matrix(20, 65, 8000) + 1e-3)
        tones = tf.signal.rfft(sound[:, :200])
        filtered = tones * tf.cast(tf.linspace(1.0, 0.0, 101), tf.complex64)
        pairs = tf.complex(sound[:, :100], sound[:, 100:200])
        turned = tf.signal.ifft(tf.signal.fft(pairs) * tf.exp(tf.complex(0.0, 1.0)))
        return {
            "loud": loud,
            "phase": tf.cos(tf.math.angle(frames)),
            "cepstrum": tf.signal.mfccs_from_log_mel_spectrograms(mel)[..., :13],
            "filtered": tf.signal.irfft(filtered, [200]),
            "turned": tf.math.real(turned - tf.math.conj(turned) / tf.square(turned + 3.0)),
        }


def spectra() -> keras.Model:
    sound = keras.Input((400,), name="sound")
    mel = layers.MelSpectrogram(128, 64, 128, sampling_rate=8000, num_mel_bins=16)(sound)
    return keras.Model(sound, {**Spectra()(sound), "mel": mel})
