"""Small tasks for the tests of the federation: few digits, few iterations, all five protocols."""

from dataclasses import replace
from functools import cache

from mix2fld_np.datasets.registry import load
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.federation.simulation import simulate
from mix2fld_np.federation.task import Task

SMALL = replace(
    COMPARISON,
    n_devices=4,
    n_samples=60,
    split="iid",
    n_local_iterations=40,
    n_distill_iterations=40,
    n_seed_samples=10,
    n_inverse_samples=20,
    pairing="scheduled",
    n_rounds=2,
    n_evaluations=2,
)
DEAF = {"uplink_power_dbm": -100.0}  # the server hears nobody
CLEAR = {"uplink_power_dbm": 60.0}  # and here everybody, at once


@cache
def digits():
    """A thousand digits to train on and a hundred to test."""
    return load("digits", n_train=1_000, n_test=100)


def small_task(seed=0, **changes):
    """A task of the small settings with some of them changed."""
    return Task(replace(SMALL, **changes), digits(), seed)


def play(protocol, task):
    """The whole run of a protocol: where it stands after each round."""
    return list(simulate(protocol, task))
