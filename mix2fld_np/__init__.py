"""Mix2FLD from scratch in NumPy and Numba: federated learning, distillation and Mixup over fading channels."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mix2fld_np.datasets.registry import Dataset as Dataset, from_arrays as from_arrays, load as load
    from mix2fld_np.errors import InputError as InputError
    from mix2fld_np.experiments import Comparison as Comparison, compare as compare, play as play
    from mix2fld_np.federation.protocols import (
        OUTPUTS as OUTPUTS,
        PROTOCOLS as PROTOCOLS,
        TABLE as TABLE,
        WEIGHTS as WEIGHTS,
        Protocol as Protocol,
        as_is as as_is,
        distilled as distilled,
    )
    from mix2fld_np.federation.settings import COMPARISON as COMPARISON, PRINTED as PRINTED, Settings as Settings
    from mix2fld_np.nn.network import Network as Network
    from mix2fld_np.runs.results import RunResult as RunResult
    from mix2fld_np.wireless.channel import Link as Link, Transmission as Transmission, slots_needed as slots_needed

__version__ = "1.1.0"
HOMES = {  # what `import mix2fld_np` offers, loaded when it is asked for first
    "datasets.registry": ("Dataset", "from_arrays", "load"),
    "errors": ("InputError",),
    "experiments": ("Comparison", "compare", "play"),
    "federation.protocols": ("OUTPUTS", "PROTOCOLS", "TABLE", "WEIGHTS", "Protocol", "as_is", "distilled"),
    "federation.settings": ("COMPARISON", "PRINTED", "Settings"),
    "nn.network": ("Network",),
    "runs.results": ("RunResult",),
    "wireless.channel": ("Link", "Transmission", "slots_needed"),
}

if sys.platform == "emscripten":
    import_module("mix2fld_np.browser").prepare()


def __getattr__(name: str) -> Any:
    """One of the names above, from its own module."""
    for home, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"mix2fld_np.{home}"), name)
    raise AttributeError(f"module 'mix2fld_np' has no attribute {name!r}")


def __dir__() -> list[str]:
    return ["__version__", *(name for names in HOMES.values() for name in names)]
