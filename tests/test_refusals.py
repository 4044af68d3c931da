"""All that can be known before the first step is checked before it: one sentence, exit code 2,
and nothing written or played."""

import pytest
from small_runs import write_digits

from mix2fld_np.cli import main
from mix2fld_np.console import session

COMMANDS = (
    "compare", "figure 2", "figure 3", "study ratio", "study inverse-samples", "study beta", "study slots",
    "study bits", "study alpha", "study vary beta=1,2",
)
SMALL = "--quiet --data=mnist --rounds=1 --iterations=5 --distill-iterations=5".split()
HELD = "--set=n_samples=60"
REFUSED = [  # options, the commands that have them, and what is said
    ("--rounds=0", COMMANDS, "--rounds 0"),
    ("--iterations=-5", COMMANDS, "--iterations -5"),
    ("--seeds=0", COMMANDS, "0 is out of range"),
    ("--workers=0", COMMANDS, "0 is out of range"),
    ("--out=", COMMANDS, "--out"),
    ("--set=learning_rate=0", COMMANDS, "learning_rate"),
    ("--set=n_samples=9", COMMANDS, "n_samples"),
    ("--set=n_samples=20", COMMANDS, "samples"),  # nothing would be rare in a non-IID split; too few to upload
    ("--set=n_samples=100000", COMMANDS, "sample"),
    ("--split=dirichlet:0", ("compare", "study beta", "study bits"), "alpha is a number above 0"),
    ("--split=dirichlet:many", ("compare",), "alpha is a number above 0"),
    ("--split=mine", ("compare",), "choose one of iid, non-iid, dirichlet:ALPHA"),
    ("--split=dirichlet:0.001 --set=n_samples=400", ("compare",), "or an alpha above 0.001"),
    ("--split=dirichlet:0.000001 --protocols=MixFLD", ("compare",), "no device holds two different labels"),
    ("--set=bits_per_weight=0", COMMANDS, "bits_per_weight"),
    ("--set=n_inverse_samples=9223372036854775807", COMMANDS, "9223372036854775807"),
    ("--devices=1", ("compare", "study ratio", "study inverse-samples", "study beta", "study slots"), "n_devices = 1"),
    ("--devices=1 --protocols=MixFLD,Mix2FLD", ("compare",), "n_devices = 1"),
    ("--distance=100,200", ("compare", "study beta"), "--distance 2 numbers do not fit 10 devices"),
    ("--distance=uniform:0", ("compare", "study slots"), "--distance 0.0 is out of range"),
    ("--distance=disc:5", ("compare", "study beta"), "'disc:5' cannot be used: it must be a number, one for each"),
    ("--set=distance_m=100,200", COMMANDS, "2 numbers do not fit"),
    ("--devices=90000", ("compare", "study beta"), "--devices 90000"),
    ("--seed-samples=61 --inverse-samples=61", ("compare", "study beta"), "n_seed_samples = 61"),
    ("--seed-samples=61 --inverse-samples=61 --protocols=FLD", ("compare",), "n_seed_samples = 61"),
    (
        "--pairing=scheduled --devices=2 --seed-samples=2 --inverse-samples=50",
        ("compare",),
        "n_seed_samples of at least",
    ),
    ("--devices=2 --seed-samples=2", ("study slots", "study beta"), "n_seed_samples of at least"),
    ("--ratio=0.5", ("compare", "study beta", "study slots"), "0.5"),
    ("--ratio=0.5000000000001", ("compare", "study beta", "study slots"), "0.5"),
    ("--seed-samples=10 --inverse-samples=5", ("compare", "study beta"), "N_I >= N_S"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"), 1_000, 30)


@pytest.mark.parametrize(
    ("command", "options", "says"),
    [(command, options, says) for options, commands, says in REFUSED for command in commands],
)
def test_what_cannot_be_played_is_refused_before_the_first_step(
    command, options, says, data, tmp_path, monkeypatch, capsys
):
    def played(*arguments):
        raise AssertionError("something was played")

    monkeypatch.setattr(session, "play_all", played)
    monkeypatch.chdir(tmp_path)
    held = [] if "n_samples" in options.replace("n_inverse_samples", "") else [HELD]
    assert main([*command.split(), *SMALL, *held, f"--data-dir={data}", *options.split()]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mix2fld: ") and said.count("\n") == 1 and says in said
    assert not list(tmp_path.iterdir())


def test_what_can_be_played_comes_as_far_as_the_first_step(data, tmp_path, monkeypatch):
    def played(*arguments):
        raise RuntimeError("as far as this")

    monkeypatch.setattr(session, "play_all", played)
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        with pytest.raises(RuntimeError, match="as far as this"):
            main(
                [
                    *command.split(), *SMALL, HELD, f"--data-dir={data}",
                    *([] if command.startswith("figure") else ["--seed-samples=20"]),
                ]
            )
