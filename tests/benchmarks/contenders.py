"""Who takes part in the speed comparison: the same SGD loop and the same inference in this package and in other
frameworks, each in the fastest of the idiomatic ways that were tried.

Every contender takes and returns weights as the flat vector of `mix2fld_np.nn.network`, and has

    descend(weights, orders)   weights (N_mod,) after SGD with batches of one in the order orders[0];
                               `n_models` train side by side
    infer(weights)             softmax outputs of all test images
"""

import importlib.util
from collections.abc import Callable
from timeit import repeat
from typing import NamedTuple

import numpy as np
from plain_numpy import PlainNumpy

from mix2fld_np.datasets.digits import digits
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update

RATE = 0.01
N_MODELS = 10  # that PyTorch's vmap trains side by side, as many as the letter has devices


class Material(NamedTuple):
    """What everybody works on."""

    network: Network
    start: np.ndarray  # (N_mod,) float32
    images: np.ndarray  # (N, 1, 28, 28) float32 to train on
    labels: np.ndarray  # (N,) int64
    targets: np.ndarray  # (N, 10) float32, the labels as one-hot rows
    unseen: np.ndarray  # (M, 1, 28, 28) float32 to infer


class Contender(NamedTuple):
    """A name and what it can do; None where it does not take part."""

    name: str
    descend: Callable | None
    infer: Callable | None
    n_models: int = 1


def material(n_unseen: int) -> Material:
    """Handwritten digits, and the weights from which everybody starts."""
    rng, network = np.random.default_rng(0), Network()
    images, labels = digits(500 + n_unseen, rng)
    images, labels = (images / 255).astype(np.float32), labels.astype(np.int64)
    targets = np.eye(10, dtype=np.float32)[labels[:500]]
    return Material(network, network.initial_weights(rng), images[:500], labels[:500], targets, images[500:])


def contenders(m: Material) -> list[Contender]:
    """Everybody who is installed, this package first."""
    found = [package(m), *plain_numpy(m)]
    found += torch_eager(m) + torch_vmap(m) if importlib.util.find_spec("torch") else []
    found += jax_scan(m) if importlib.util.find_spec("jax") else []
    return found


def package(m: Material) -> Contender:
    """mix2fld_np: one compiled call for the whole loop."""
    return Contender(
        "mix2fld_np",
        lambda weights, orders: local_update(m.network, weights, m.images, m.targets, orders[0], RATE).weights,
        lambda weights: m.network.outputs(weights, m.unseen),
    )


def plain_numpy(m: Material) -> list[Contender]:
    """NumPy alone, in Python loops over samples and over stacks of 20 images (the best of 1, 5, 10, 20, 50, 100)."""

    def descend(weights, orders):
        net, rate = PlainNumpy(m.network, weights.copy()), np.float32(RATE)
        for i in orders[0]:
            net.step(m.images[i], m.targets[i], rate)
        return net.weights

    def infer(weights):
        net = PlainNumpy(m.network, weights, 20)
        return np.concatenate([net.forward(m.unseen[k : k + 20]) for k in range(0, len(m.unseen), 20)])

    return [Contender("plain NumPy", descend, infer)]


def torch_eager(m: Material) -> list[Contender]:
    """PyTorch as it comes: autograd at every step, and one fused update, which beats `torch.optim.SGD` by a tenth.

    Inference takes the best batch size of those tried here. Images with channels last are a choice of PyTorch's users
    that makes its convolutions faster, so they run for themselves.
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(1)
    images, labels, unseen = torch.from_numpy(m.images), torch.from_numpy(m.labels), torch.from_numpy(m.unseen)

    def descend(weights, orders):
        model = torch_model(m.network, weights)
        parameters = list(model.parameters())
        for i in orders[0]:
            gradient = torch.autograd.grad(cross_entropy(model(images[i : i + 1]), labels[i : i + 1]), parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradient, alpha=-RATE)
        return torch.cat([p.detach().ravel() for p in parameters]).numpy()

    def infer(model, batch, n):
        with torch.inference_mode():
            return torch.cat([torch.softmax(model(unseen[k : k + batch]), dim=1) for k in range(0, n, batch)]).numpy()

    def best_batch(layout):
        model = torch_model(m.network, m.start).to(memory_format=layout)
        return fastest((10, 20, 50, 100, 200, 500, 1000), lambda batch: infer(model, batch, min(1000, len(unseen))))

    def infer_in(layout):
        batch = best_batch(layout)
        return lambda weights: infer(torch_model(m.network, weights).to(memory_format=layout), batch, len(unseen))

    return [
        Contender("PyTorch eager", descend, infer_in(torch.contiguous_format)),
        Contender("PyTorch, channels last", None, infer_in(torch.channels_last)),
    ]


def torch_model(network: Network, weights: np.ndarray):
    """The network as a PyTorch module with these weights."""
    import torch
    from torch import nn

    (C, H, W), (F1, F2) = network.image_shape, network.filters
    first, second = nn.Conv2d(C, F1, 3, padding=1), nn.Conv2d(F1, F2, 3, padding=1)
    connected = nn.Linear(F2 * H * W // 4, network.n_labels)
    model = nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.Flatten(), connected)
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), network.layers(weights), strict=True):
            parameter.copy_(torch.from_numpy(values.copy()))
    return model


def torch_vmap(m: Material) -> list[Contender]:
    """PyTorch with functional gradients, vectorised over ten models that each see their own samples."""
    import torch
    from torch.func import functional_call, grad, vmap
    from torch.nn.functional import cross_entropy

    images, labels = torch.from_numpy(m.images), torch.from_numpy(m.labels)
    skeleton = torch_model(m.network, m.start)

    def loss(parameters, image, label):
        return cross_entropy(functional_call(skeleton, parameters, (image[None],)), label[None])

    gradients = vmap(grad(loss))

    def descend(weights, orders):
        model = torch_model(m.network, weights)
        parameters = {name: p.detach().repeat(N_MODELS, *[1] * p.dim()) for name, p in model.named_parameters()}
        for i in torch.from_numpy(orders).T:
            slopes = gradients(parameters, images[i], labels[i])
            torch._foreach_add_(list(parameters.values()), [slopes[name] for name in parameters], alpha=-RATE)
        return torch.cat([p[0].ravel() for p in parameters.values()]).numpy()

    return [Contender("PyTorch vmap, 10 models", descend, None, N_MODELS)]


def jax_scan(m: Material) -> list[Contender]:
    """JAX: the whole loop in one compiled scan. Unfolded convolutions train faster than its own, which infer faster."""
    import jax
    from jax import lax, numpy as jnp

    (_, H, W), _ = m.network.image_shape, m.network.filters
    images, targets, unseen = jnp.asarray(m.images), jnp.asarray(m.targets), jnp.asarray(m.unseen)

    def unfolded(x, w, b):
        n, c, h, w_ = x.shape
        padded = jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        columns = jnp.stack([padded[:, :, i : i + h, j : j + w_] for i in range(3) for j in range(3)], 2)
        return (w.reshape(len(w), -1) @ columns.reshape(n, c * 9, h * w_)).reshape(n, -1, h, w_) + b[:, None, None]

    def own(x, w, b):
        channels_last, axes = x.transpose(0, 2, 3, 1), ("NHWC", "OIHW", "NHWC")
        return (
            lax.conv_general_dilated(channels_last, w, (1, 1), "SAME", dimension_numbers=axes).transpose(0, 3, 1, 2)
            + b[:, None, None]
        )

    def logits(layers, x, convolve):
        w1, b1, w2, b2, w3, b3 = layers
        sums = convolve(x, w1, b1).reshape(len(x), -1, H // 2, 2, W // 2, 2)
        feature = jax.nn.relu(convolve(jax.nn.relu(sums.max((3, 5))), w2, b2))
        return feature.reshape(len(x), -1) @ w3.T + b3

    def loss(layers, image, target):
        return -jnp.sum(target * jax.nn.log_softmax(logits(layers, image[None], unfolded)[0]))

    def step(layers, i):
        return [w - RATE * g for w, g in zip(layers, jax.grad(loss)(layers, images[i], targets[i]), strict=True)], None

    run = jax.jit(lambda layers, order: lax.scan(step, layers, order)[0])
    outputs = jax.jit(lambda layers, x: jax.nn.softmax(logits(layers, x, own)))

    def infer(weights, batch, n):
        layers = list(m.network.layers(weights))
        return np.concatenate([outputs(layers, unseen[k : k + batch]) for k in range(0, n, batch)])

    def descend(weights, orders):
        return np.concatenate([np.ravel(part) for part in run(list(m.network.layers(weights)), orders[0])])

    batch = fastest((10, 20, 50, 100, 200), lambda size: infer(m.start, size, min(1000, len(m.unseen))))
    return [Contender("JAX jit, lax.scan", descend, lambda weights: infer(weights, batch, len(m.unseen)))]


def fastest(choices, work):
    """The choice with which work(choice) takes least time, best of three after a warm-up."""
    return min(choices, key=lambda choice: min(repeat(lambda: work(choice), number=1, repeat=4)[1:]))
