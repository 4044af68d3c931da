"""The network in PyTorch, its training with batches of one, and its test; shared by both programs with PyTorch."""

import functools

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector, vector_to_parameters


@functools.cache
def experiment(path: str) -> dict[str, np.ndarray]:
    """The arrays of a file, read once in a process."""
    return dict(np.load(path))


def network(weights: np.ndarray) -> nn.Module:
    """The network of 12,544 weights, with these."""
    convolutions = nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 6, 3, padding=1), nn.ReLU()
    model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(1176, 10))
    vector_to_parameters(torch.from_numpy(weights.copy()), model.parameters())
    return model


def pixels(images: np.ndarray) -> torch.Tensor:
    """Bytes as float32 in [0, 1]."""
    return torch.from_numpy(images).float() / 255


def train(weights: np.ndarray, images: np.ndarray, labels: np.ndarray, n_iterations: int, seed: int) -> np.ndarray:
    """The weights after SGD with batches of one; written out, as torch.optim.SGD would take a tenth longer."""
    model, x, y = network(weights), pixels(images), torch.from_numpy(labels)
    parameters = list(model.parameters())
    order = torch.randint(len(x), (n_iterations,), generator=torch.Generator().manual_seed(seed)).tolist()
    for i in order:
        gradient = torch.autograd.grad(cross_entropy(model(x[i : i + 1]), y[i : i + 1]), parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradient, alpha=-0.01)
    return parameters_to_vector(parameters).detach().numpy()


def accuracy(weights: np.ndarray, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images that are classified correctly; a hundred at a time, channels last, is fastest."""
    model = network(weights).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = [model(part).argmax(dim=1) for part in pixels(images).split(100)]
    return float((torch.cat(found) == torch.from_numpy(labels)).float().mean())
