"""Where does the time go?   python tests/benchmarks/parts.py [--json FILE]

Each kernel of a step, and each of an inferred image, in a compiled loop of its own on one core, for the network with
12,544 weights: microseconds, and the share of a large matrix product's FLOP/s where it is multiplications that it does.
Repetitions take turns; medians. Their sum is not quite the whole: in a loop of its own a kernel finds its numbers in
the nearest cache.
"""

import argparse
import json
import os
from pathlib import Path
from statistics import median

from startup import THREADS

os.environ.update(THREADS)  # before anybody imports numpy

import numpy as np  # noqa: E402
from speed import MATRIX, begin_on_one_core, machine, matrix_product_rate, timed  # noqa: E402

from mix2fld_np.nn import kernels  # noqa: E402
from mix2fld_np.nn.kernels import BLOCK, compiled, inlined  # noqa: E402
from mix2fld_np.nn.network import Network  # noqa: E402

HEIGHT = WIDTH = 14  # of the pooled image
PITCH = WIDTH + 2
LENGTH, ROW = HEIGHT * PITCH, WIDTH * BLOCK
NOTHING = np.float32(0)  # the scale of each gradient, so that the weights stay as they are
FIRST, SECOND, CONNECTED = 12 * 9 * 784, 6 * 108 * 196, 10 * 1176  # multiply-adds of one pass through each layer


def first(layers, work):
    for f in range(layers.b1.size):
        kernels.correlate_cells(work.quarters, layers.w1[f], layers.b1[f], PITCH, LENGTH, work.sums1)


def pool(layers, work):
    for f in range(layers.b1.size):
        kernels.relu_and_pool(work.sums1, PITCH, HEIGHT, WIDTH, work.pooled[f], work.argmax[f])


def second(layers, work):
    kernels.correlate(work.pooled, layers.w2, layers.b2, PITCH, LENGTH, work.sums2)


def relu(layers, work):
    for f in range(layers.b2.size):
        for r in range(HEIGHT):
            kernels.relu(work.sums2[f, r * PITCH :], WIDTH, work.feature[f, r])


def connected(layers, work):
    kernels.dense(work.feature.reshape(-1), layers.w3, layers.b3, work.gradient)


def connected_back(layers, work):
    flat, gradient_flat = work.feature.reshape(-1), work.gradient_feature.reshape(-1)
    kernels.dense_backward(work.gradient, flat, layers.w3, NOTHING, gradient_flat, layers.w3, layers.b3)


def relu_back(layers, work):
    kernels.relu_backward(work.gradient_feature, work.feature, PITCH, NOTHING, work.gradient2, layers.b2)


def second_filters(layers, work):
    kernels.add_tap_gradient(work.pooled, work.gradient2, PITCH + 1, PITCH, LENGTH, NOTHING, layers.w2)


def second_input(layers, work):
    kernels.flip_filters(layers.w2, work.flipped)
    kernels.correlate(work.gradient2, work.flipped, work.no_bias, PITCH, LENGTH, work.gradient_pooled)


def first_filters(layers, work):
    for f in range(layers.b1.size):
        kernels.add_cell_gradient(
            work.quarters, work.gradient_pooled[f], work.argmax[f], PITCH, LENGTH, NOTHING, layers.w1[f]
        )
        layers.b1[f] += NOTHING * kernels.alive_sum(work.gradient_pooled[f], work.argmax[f])


def first_and_pool_side_by_side(layers, work):
    for r in range(HEIGHT):
        for f in range(layers.b1.size):
            kernels.correlate_cells(
                work.quarters, layers.w1[f], layers.b1[f], PITCH * BLOCK, ROW, work.sums1, r * PITCH * BLOCK, BLOCK
            )
            kernels.pool(work.sums1, ROW, work.pooled[f, (r + 1) * PITCH * BLOCK + BLOCK :])


def second_side_by_side(layers, work):
    for r in range(HEIGHT):
        kernels.correlate(work.pooled, layers.w2, layers.b2, PITCH * BLOCK, ROW, work.sums2, r * PITCH * BLOCK, BLOCK)
        for f in range(layers.b2.size):
            kernels.relu(work.sums2[f], ROW, work.feature[f, r])


def connected_side_by_side(layers, work):
    kernels.dense_block(work.feature.reshape(-1), layers.w3, layers.b3, work.logits)


STEP = {  # what, and its multiply-adds
    "first convolution": (first, FIRST),
    "ReLU, pool, argmax": (pool, 0),
    "second convolution": (second, SECOND),
    "ReLU": (relu, 0),
    "connected layer": (connected, CONNECTED),
    "back: connected layer": (connected_back, 2 * CONNECTED),
    "back: ReLU": (relu_back, 0),
    "back: second filters": (second_filters, SECOND),
    "back: second input": (second_input, SECOND),
    "back: first filters": (first_filters, FIRST),
}
IMAGE = {
    "first convolution, ReLU, pool": (first_and_pool_side_by_side, FIRST),
    "second convolution, ReLU": (second_side_by_side, SECOND),
    "connected layer, 32 images": (connected_side_by_side, CONNECTED),
}


def in_a_loop(part):
    """A compiled function that does this part n times."""
    body = inlined()(part)

    @compiled()
    def run(n, layers, work):
        for _ in range(n):
            body(layers, work)

    return run


def filled(room, rng):
    """A workspace full of random numbers."""
    for values in room:
        if values.dtype == np.float32:
            values[...] = rng.random(values.shape, np.float32)
    return room


def measured(n_repetitions: int, n: int = 3_000) -> dict:
    """Median microseconds of each part for one image, and its share of the matrix product's rate."""
    begin_on_one_core()
    network, rng = Network(), np.random.default_rng(0)
    layers, matrix = network.layers(network.initial_weights(rng)), rng.random((MATRIX, MATRIX), np.float32)
    step, image = filled(network.workspace(np.float32), rng), filled(network.block_workspace(np.float32), rng)
    runs = {("a step", name): (in_a_loop(part), n, step, 1) for name, (part, _) in STEP.items()}
    runs |= {
        ("an inferred image", name): (in_a_loop(part), n // BLOCK, image, BLOCK) for name, (part, _) in IMAGE.items()
    }
    seconds, rates = {key: [] for key in runs}, []
    for repetition in range(n_repetitions + 1):  # the first compiles
        rates.append(matrix_product_rate(matrix))
        for key, (run, times, room, n_images) in runs.items():
            taken = timed(lambda run=run, times=times, room=room: run(times, layers, room)) / (times * n_images)
            seconds[key] += [taken] if repetition else []
    rate, found = median(rates), {"a step": {}, "an inferred image": {}}
    for (title, name), taken in seconds.items():
        multiply_adds = (STEP | IMAGE)[name][1]
        found[title][name] = {"us": 1e6 * median(taken), "share": 2 * multiply_adds / median(taken) / rate}
    return {"machine": machine(), "matrix_product_gflops": rate / 1e9, **found}


def show(result: dict) -> None:
    """Prints the measurements as tables."""
    print(", ".join(f"{key} {value}" for key, value in result["machine"].items()))
    print(f"matrix product {result['matrix_product_gflops']:.0f} GFLOP/s")
    for title in ("a step", "an inferred image"):
        print(f"\n{title:28}{'median us':>12}{'share of the matrix product':>30}")
        for name, row in result[title].items():
            print(f"  {name:26}{row['us']:12.2f}" + (f"{row['share']:30.0%}" if row["share"] else ""))
        print(f"  {'together':26}{sum(row['us'] for row in result[title].values()):12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    result = measured(15)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
