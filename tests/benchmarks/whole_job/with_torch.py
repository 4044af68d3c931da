"""FedAvg in plain PyTorch, a process for each core: python with_torch.py EXPERIMENT.npz"""

import json
import multiprocessing
import sys

import numpy as np
import torch
from torch_network import accuracy, train

there = {}  # what a worker has read


def read(path: str) -> None:
    """Reads the experiment, in each worker once."""
    torch.set_num_threads(1)
    there.update(np.load(path))


def update(weights: np.ndarray, p: int, d: int) -> np.ndarray:
    """The weights of device d after its part of round p."""
    return train(weights, there["images"][d], there["labels"][d], int(there["n_iterations"]), 100 * p + d)


def right(weights: np.ndarray, part: slice) -> float:
    """Accuracy over a part of the test images."""
    return accuracy(weights, there["test_images"][part], there["test_labels"][part])


def main(path: str, n_workers: int) -> list[float]:
    """Accuracy of the global model after each round."""
    experiment = np.load(path)
    weights, n_devices, n_test = experiment["start"], len(experiment["images"]), len(experiment["test_labels"])
    slices = [slice(start, start + 1_000) for start in range(0, n_test, 1_000)]
    accuracies = []
    with multiprocessing.Pool(n_workers, read, (path,)) as pool:
        for p in range(int(experiment["n_rounds"])):
            trained = pool.starmap(update, [(weights, p, d) for d in range(n_devices)], chunksize=1)
            weights = np.mean(trained, axis=0)
            accuracies.append(float(np.mean(pool.starmap(right, [(weights, part) for part in slices]))))
    return accuracies


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], multiprocessing.cpu_count())))
