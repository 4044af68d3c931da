"""Data of one's own: an .npz file as Keras' mnist.npz, or arrays in memory."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from mix2fld_np.errors import InputError

SUFFIX = ".npz"
NAMES = ("x_train", "y_train", "x_test", "y_test")
MOST_LABELS = 100
WANTED = f"give {', '.join(NAMES)}: images (N, H, W) or (N, H, W, C) uint8 and labels (N,), whole numbers from 0"
Split = tuple[np.ndarray, np.ndarray]  # images (N, C, H, W) and labels (N,), uint8


def is_own(name: str) -> bool:
    """Whether a data set is named by a file of one's own."""
    return name.endswith(SUFFIX)


def read_own(path: Path) -> tuple[Split, Split, int]:
    """Training samples, test samples and the number of labels in a file; InputError where something does not fit."""
    try:
        if not path.is_file():
            raise InputError(f"there is no file {path}; {WANTED}, as numpy.savez_compressed writes them.")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in NAMES if name in stored}
    except InputError:
        raise
    except Exception as problem:  # whatever stands in a file
        raise InputError(f"{path} cannot be read as arrays ({problem}); {WANTED}.") from problem
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        raise InputError(f"{path} has no {', '.join(missing)}; {WANTED}.")
    return checked(arrays, str(path))


def checked(arrays: dict[str, Any], where: str) -> tuple[Split, Split, int]:
    """The same of arrays; `where` begins what is said about them."""
    train, test = (split_of(arrays, part, where) for part in ("train", "test"))
    if train[0].shape[1:] != test[0].shape[1:]:
        raise InputError(f"{where}: images for training {train[0].shape[1:]} (C, H, W) and for tests "
                         f"{test[0].shape[1:]} differ; give both the same shape.")
    n_labels = 1 + int(max(train[1].max(), test[1].max()))
    if n_labels < 2:
        raise InputError(f"{where}: all labels are 0; there must be 2 to {MOST_LABELS} classes.")
    return train, test, n_labels


def split_of(arrays: dict[str, Any], part: str, where: str) -> Split:
    """The samples of one part, with channels first."""
    x, y = np.asarray(arrays[f"x_{part}"]), np.asarray(arrays[f"y_{part}"])
    x = x[..., None] if x.ndim == 3 else x
    found = f"{where}: x_{part} of shape {x.shape} and type {x.dtype}"
    if x.ndim != 4 or x.dtype != np.uint8 or not x.size:
        raise InputError(f"{found} are no images; {WANTED}.")
    if x.shape[1] % 2 or x.shape[2] % 2:
        raise InputError(f"{found}: the max-pool halves height and width, so both must be even; crop or pad a pixel.")
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (len(x),) or y.dtype.kind not in "iu":
        raise InputError(f"{where}: y_{part} of shape {y.shape} and type {y.dtype} does not fit {len(x):,} images; "
                         f"{WANTED}.")
    if y.min() < 0 or y.max() >= MOST_LABELS:
        raise InputError(f"{where}: y_{part} has labels from {y.min()} to {y.max()}; number 2 to {MOST_LABELS} classes "
                         "from 0.")
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y.astype(np.uint8)


def placed(name: str, data_dir: str | os.PathLike | None) -> tuple[str, str]:
    """(file name, absolute folder) of a file of one's own, which may be named with its folder or lie in `data_dir`."""
    path = Path(os.path.abspath(os.path.join(os.path.expanduser(data_dir or ""), os.path.expanduser(name))))
    return path.name, str(path.parent)
