"""How the samples of a data set are split over the devices: IID, non-IID as in Section IV, or by a Dirichlet law."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from mix2fld_np.errors import InputError

N_RARE_LABELS = 2  # labels that are rare on a device in the non-IID split of Section IV
N_RARE_SAMPLES = 2  # samples of each of them
DIRICHLET, MOST_ALPHA = "dirichlet:", 1e6  # alpha stands behind it


@dataclass(frozen=True)
class Split:
    """Who holds which samples of the data set."""

    indices: np.ndarray  # (D, N)    which samples each device holds, in random order
    counts: np.ndarray  # (D, N_L)   how many of each label
    rare_labels: np.ndarray  # (D, 2) the labels that are rare on each device; (D, 0) in an IID split
    most_copies: int  # on how many devices the most frequent sample lies; 1 where the local data sets are disjoint

    @property
    def shared(self) -> bool:
        """Whether some sample lies on more than one device."""
        return self.most_copies > 1

    @property
    def notice(self) -> str | None:
        """What a reader of the results ought to know about this split; None where all is as in the letter."""
        D, N = self.indices.shape
        missing = np.flatnonzero(self.counts.sum(axis=0) == 0)
        said = []
        if missing.size:
            said.append(f"there is no sample of label {', '.join(map(str, missing))} on any device, so none learns it: "
                        f"the other {self.counts.shape[1] - missing.size} labels share each device's {N:,} samples.")
        if self.shared:
            said.append(f"{D:,} devices with {N:,} samples each need more samples of some label than there are, so "
                        f"devices share samples: one sample lies on up to {self.most_copies} devices, on none of them "
                        "twice.")
        return " ".join(said) or None

    def rare_on(self, d: int) -> list[int]:
        """The labels that are rare on device d, and those that it lacks."""
        return [*self.rare_labels[d].tolist(), *np.flatnonzero(self.counts[d] == 0).tolist()]


def split(
    labels: np.ndarray, n_devices: int, n_samples: int, rng: np.random.Generator, kind: str, n_labels: int
) -> Split:
    """The local data sets S_d of `n_devices` devices, `n_samples` each, out of those with `labels` (n,)  (Section IV).

    In an "iid" split every label has the same number of samples on a device; in a "non-iid" split two random labels
    have 2 samples each and each other label (N - 4)/(N_L - 2), which is 62 for the letter's N = 500. In a split
    "dirichlet:ALPHA" the shares of labels on a device follow a Dirichlet law: the smaller alpha, the fewer labels.

    A label without any sample takes no part. Where there are too few of a label, devices share samples, as evenly as
    possible. InputError where even one device cannot be served, or two labels would not be rarer than all others.
    """
    alpha = alpha_of(kind)
    if not alpha and kind not in KINDS:
        raise InputError(f"'{kind}' is no way to split the samples; choose one of {', '.join(KINDS)}, {DIRICHLET}0.3.")
    _check_labels(labels, n_labels, n_devices)
    available = np.bincount(labels, minlength=n_labels)
    present = np.flatnonzero(available)
    if n_samples < present.size:
        raise InputError(f"{n_samples} samples per device cannot cover {present.size} labels; take as many or more.")
    counts = np.zeros((n_devices, n_labels), np.int64)
    wanted = n_devices, n_samples, present.size, rng
    counts[:, present], rare = _dirichlet_counts(*wanted, alpha) if alpha else KINDS[kind](*wanted)
    _check_supply(available, counts, f" or an alpha above {alpha:g}" if alpha else "")
    pools = [_deal(np.flatnonzero(labels == l), counts[:, l], rng) for l in present]
    indices = np.array([np.concatenate(parts) for parts in zip(*pools, strict=True)])
    copies = np.bincount(indices.ravel())
    return Split(rng.permuted(indices, axis=1), counts, present[rare], int(copies.max()))


def alpha_of(kind: str) -> float | None:
    """The alpha of a split "dirichlet:ALPHA", None of another; InputError where it is no number above 0.

    >>> alpha_of("dirichlet:0.3")
    0.3
    """
    if not kind.startswith(DIRICHLET):
        return None
    with suppress(ValueError):
        if 0 < (alpha := float(kind.removeprefix(DIRICHLET))) <= MOST_ALPHA:
            return alpha
    raise InputError(f"split = {kind!r} cannot be dealt: alpha is a number above 0, and at most {MOST_ALPHA:g}, where "
                     f"all shares are alike; try {DIRICHLET}0.3.")


def _iid_counts(D, N, N_L, rng):
    """Samples of each label on each device (D, N_L), the same number of each; no label is rare."""
    # The letter is silent: where N_L does not divide N, the labels take turns over the devices with one sample more.
    turn = (rng.permutation(N_L) - (N % N_L) * np.arange(D)[:, None]) % N_L
    return N // N_L + (turn < N % N_L), np.empty((D, 0), np.int64)


def _non_iid_counts(D, N, N_L, rng):
    """Samples of each label on each device (D, N_L): few of two random labels; and those two (D, 2)."""
    common, rare = N - N_RARE_LABELS * N_RARE_SAMPLES, N_RARE_SAMPLES
    if N_L <= N_RARE_LABELS or common < (rare + 1) * (N_L - N_RARE_LABELS):
        raise InputError(f"{N} samples of {N_L} labels cannot be split non-IID: two labels would not be rarer than the "
                         f"others. Take three labels or more, and at least {(rare + 1) * N_L - N_RARE_LABELS} samples "
                         "per device.")
    # The letter is silent: are the two rare labels the same on all devices? They are drawn for each.
    order = rng.permuted(np.tile(np.arange(N_L), (D, 1)), axis=1)
    base, extra = divmod(common, N_L - N_RARE_LABELS)
    # The letter is silent: where (N - 4)/(N_L - 2) is no whole number, random common labels have one sample more.
    in_order = np.repeat([rare, base + 1, base], [N_RARE_LABELS, extra, N_L - N_RARE_LABELS - extra])
    return in_order[order.argsort(axis=1)], order[:, :N_RARE_LABELS]


def _dirichlet_counts(D, N, N_L, rng, alpha):
    """Samples of each label on each device (D, N_L), in shares of a Dirichlet law, rounded; none is rare by design."""
    shares = rng.dirichlet(np.full(N_L, alpha), D)
    ends = np.rint(N * shares.cumsum(axis=1)).astype(np.int64)
    return np.diff(ends, axis=1, prepend=0), np.empty((D, 0), np.int64)


KINDS = {"iid": _iid_counts, "non-iid": _non_iid_counts}


def _deal(samples, counts, rng):
    """Deals each device its `counts` (D,) samples; an empty pool is shuffled again, that device's own samples last."""
    pool, dealt = rng.permutation(samples), []
    for n in counts:
        held, pool = pool[:n], pool[n:]
        if len(held) < n:
            fresh = rng.permutation(samples)
            own = np.isin(fresh, held)
            pool = np.concatenate([held, fresh[~own], fresh[own]])
            held, pool = pool[:n], pool[n:]
        dealt.append(held)
    return dealt


def _check_labels(labels, n_labels, n_devices):
    """InputError where labels are no whole numbers from 0 to n_labels - 1, or devices too few or too many."""
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iu" or labels.min() < 0:
        given = f"labels of shape {labels.shape} and type {labels.dtype}"
        raise InputError(f"{given} cannot be split; hand in one number from 0 for each sample.")
    if labels.max() >= n_labels:
        raise InputError(f"label {labels.max()} cannot be split: the labels of this data set end at {n_labels - 1}.")
    if not 1 <= n_devices <= labels.size:
        raise InputError(f"{n_devices} devices cannot share {labels.size:,} samples; take 1 to {labels.size:,}.")


def _check_supply(available, counts, or_else):
    """InputError where one device alone needs more samples of a label than the data set has."""
    short = np.flatnonzero(counts.max(axis=0) > available)
    if short.size:
        l = short[0]
        raise InputError(f"a device needs {counts[:, l].max():,} samples of label {l}, but the data set has "
                         f"{available[l]:,}; take fewer samples per device or a larger data set{or_else}.")
