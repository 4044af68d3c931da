"""How good a model is: one value, from which accuracy, accuracy by label and loss are read."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add

import numpy as np
from numpy.typing import ArrayLike

from mix2fld_np.nn.network import Network, check_labels


@dataclass(frozen=True)
class Evaluation:
    """A model on labelled images; evaluations of several parts of them can be added."""

    correct: tuple[int, ...]  # (N_L,) right answers of each label
    n_images: tuple[int, ...]  # (N_L,) images of each label
    total_loss: float  # sum of -log F_label

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return sum(self.correct) / sum(self.n_images)

    @property
    def loss(self) -> float:
        """Mean cross-entropy."""
        return self.total_loss / sum(self.n_images)

    def as_json(self) -> dict:
        """As files hold it: right answers of each label, and the mean loss."""
        return {"correct": list(self.correct), "loss": self.loss}

    def __add__(self, other: Evaluation) -> Evaluation:
        correct, n_images = map(add, self.correct, other.correct), map(add, self.n_images, other.n_images)
        return Evaluation(tuple(correct), tuple(n_images), self.total_loss + other.total_loss)


def evaluate(network: Network, weights: ArrayLike, images: ArrayLike, labels: ArrayLike) -> Evaluation:
    """What a model answers on images (N, C, H, W) with labels (N,); its answer is the largest output."""
    outputs = network.outputs(weights, images)
    label = check_labels(labels, len(outputs), network.n_labels)
    n_images = np.bincount(label, minlength=network.n_labels)
    correct = np.bincount(label[outputs.argmax(axis=1) == label], minlength=network.n_labels)
    of_label = outputs[np.arange(len(label)), label].astype(np.float64)
    loss = -np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).sum()  # finite where an output was rounded to zero
    return Evaluation(tuple(correct.tolist()), tuple(n_images.tolist()), float(loss))
