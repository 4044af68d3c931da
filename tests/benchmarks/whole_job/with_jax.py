"""FedAvg in plain JAX, a thread for each core: python with_jax.py EXPERIMENT.npz"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"  # a device's update has no work for two cores

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax, numpy as jnp  # noqa: E402

SHAPES = ((12, 1, 3, 3), (12,), (6, 12, 3, 3), (6,), (10, 1176), (10,))


def layers_of(weights):
    """The flat weights as arrays, layer by layer."""
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])
    return [part.reshape(shape) for part, shape in zip(np.split(weights, ends[:-1]), SHAPES, strict=True)]


def unfolded(x, w, b):
    """A convolution as a matrix product, which trains faster than JAX's own."""
    n, c, height, width = x.shape
    padded = jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    columns = jnp.stack([padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)], 2)
    return (w.reshape(len(w), -1) @ columns.reshape(n, c * 9, -1)).reshape(n, -1, height, width) + b[:, None, None]


def convolved(x, w, b):
    """JAX's own convolution, which infers faster."""
    axes = ("NHWC", "OIHW", "NHWC")
    y = lax.conv_general_dilated(x.transpose(0, 2, 3, 1), w, (1, 1), "SAME", dimension_numbers=axes)
    return y.transpose(0, 3, 1, 2) + b[:, None, None]


def logits(layers, images, convolve):
    """What softmax turns into outputs."""
    w1, b1, w2, b2, w3, b3 = layers
    x = images.astype(jnp.float32) / 255
    pooled = convolve(x, w1, b1).reshape(len(x), 12, 14, 2, 14, 2).max((3, 5))
    feature = jax.nn.relu(convolve(jax.nn.relu(pooled), w2, b2))
    return feature.reshape(len(x), -1) @ w3.T + b3


def loss(layers, image, label):
    """Cross-entropy of one sample."""
    return -jax.nn.log_softmax(logits(layers, image[None], unfolded)[0])[label]


@jax.jit
def train(layers, images, labels, order):
    """The layers after SGD with batches of one."""

    def step(layers, i):
        gradient = jax.grad(loss)(layers, images[i], labels[i])
        return [w - 0.01 * g for w, g in zip(layers, gradient, strict=True)], None

    return lax.scan(step, layers, order)[0]


@jax.jit
def n_right(layers, images, labels):
    """How many images are classified correctly."""
    return (logits(layers, images, convolved).argmax(axis=1) == labels).sum()


def main(experiment, n_workers):
    """Accuracy of the global model after each round."""
    images, labels, n_iterations = experiment["images"], experiment["labels"], int(experiment["n_iterations"])
    tested = [np.split(experiment[name], len(experiment[name]) // 100) for name in ("test_images", "test_labels")]
    layers, accuracies, rng = layers_of(experiment["start"]), [], np.random.default_rng(0)

    def update(d):
        return jax.block_until_ready(train(layers, images[d], labels[d], orders[d]))

    with ThreadPoolExecutor(n_workers) as pool:
        for _ in range(int(experiment["n_rounds"])):
            orders = rng.integers(labels.shape[1], size=(len(images), n_iterations))
            layers = [np.mean(parts, axis=0) for parts in zip(*pool.map(update, range(len(images))), strict=True)]
            right = pool.map(lambda x, y: int(n_right(layers, x, y)), *tested)  # noqa: B023  used up within the round
            accuracies.append(sum(right) / experiment["test_labels"].size)
    return accuracies


if __name__ == "__main__":
    print(json.dumps(main(dict(np.load(sys.argv[1])), os.cpu_count())))
