"""The lines after >>> in the subject's docstrings say what is true."""

import doctest
import importlib
import pkgutil

import pytest

import mix2fld_np

ROOMS = ("mixing", "nn", "wireless", "federation")
MODULES = [
    module.name
    for room in ROOMS
    for module in pkgutil.iter_modules([f"{path}/{room}" for path in mix2fld_np.__path__], f"mix2fld_np.{room}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_every_line_of_a_docstring_gives_what_it_says(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_lines_to_try_where_functions_are_equations():
    tried = {name: doctest.testmod(importlib.import_module(name)).attempted for name in MODULES}
    assert all(
        tried[f"mix2fld_np.{name}"]
        for name in (
            *("mixing.mixup", "mixing.inverse", "mixing.pairing", "mixing.privacy"),
            *("nn.losses", "wireless.units", "wireless.channel", "wireless.payload"),
        )
    )
