"""FedAvg in Flower's simulation, with PyTorch on the devices: python with_flower.py EXPERIMENT.npz"""

import json
import os
import sys

os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}

import torch  # noqa: E402
from flwr.client import ClientApp, NumPyClient  # noqa: E402
from flwr.common import ndarrays_to_parameters  # noqa: E402
from flwr.server import ServerApp, ServerAppComponents, ServerConfig  # noqa: E402
from flwr.server.strategy import FedAvg  # noqa: E402
from flwr.simulation import run_simulation  # noqa: E402
from torch_network import accuracy, experiment, train  # noqa: E402

PATH = os.path.abspath(sys.argv[1])
accuracies = []


class Device(NumPyClient):
    """One device: its samples stay with it."""

    def __init__(self, d):
        self.d = d

    def fit(self, parameters, config):
        torch.set_num_threads(1)
        e, seed = experiment(PATH), 100 * config["p"] + self.d
        images, labels = e["images"][self.d], e["labels"][self.d]
        return [train(parameters[0], images, labels, int(e["n_iterations"]), seed)], len(labels), {}


def tested(p, parameters, config):
    """Tests the global model after round p."""
    if p:
        e = experiment(PATH)
        accuracies.append(accuracy(parameters[0], e["test_images"], e["test_labels"]))


def server(context):
    """Federated averaging over all devices in every round."""
    e = experiment(PATH)
    strategy = FedAvg(
        fraction_evaluate=0.0,
        min_available_clients=len(e["images"]),
        initial_parameters=ndarrays_to_parameters([e["start"]]),
        evaluate_fn=tested,
        on_fit_config_fn=lambda p: {"p": p},
    )
    return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=int(e["n_rounds"])))


if __name__ == "__main__":
    run_simulation(
        ServerApp(server_fn=server),
        ClientApp(client_fn=lambda context: Device(int(context.node_config["partition-id"])).to_client()),
        num_supernodes=len(experiment(PATH)["images"]),
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )
    print(json.dumps(accuracies))
