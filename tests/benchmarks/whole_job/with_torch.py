"""FedAvg in plain PyTorch, a process for each core: python with_torch.py EXPERIMENT.npz"""

import json
import multiprocessing
import sys

import numpy as np
import torch
from torch_network import accuracy, experiment, train


def update(path: str, weights: np.ndarray, p: int, d: int) -> np.ndarray:
    """The weights of device d after its part of round p."""
    e = experiment(path)
    return train(weights, e["images"][d], e["labels"][d], int(e["n_iterations"]), 100 * p + d)


def right(path: str, weights: np.ndarray, part: slice) -> float:
    """Accuracy over a part of the test images."""
    e = experiment(path)
    return accuracy(weights, e["test_images"][part], e["test_labels"][part])


def main(path: str, n_workers: int) -> list[float]:
    """Accuracy of the global model after each round."""
    e = experiment(path)  # which workers inherit where the system can fork
    slices = [slice(start, start + 1_000) for start in range(0, len(e["test_labels"]), 1_000)]
    weights, accuracies = e["start"], []
    with multiprocessing.Pool(n_workers, torch.set_num_threads, (1,)) as pool:
        for p in range(int(e["n_rounds"])):
            trained = pool.starmap(update, [(path, weights, p, d) for d in range(len(e["images"]))], chunksize=1)
            weights = np.mean(trained, axis=0)
            accuracies.append(float(np.mean(pool.starmap(right, [(path, weights, part) for part in slices]))))
    return accuracies


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], multiprocessing.cpu_count())))
