"""Checkpoints and results that cannot be mistaken: what was stored comes back to the bit,
and anything else is refused in a sentence."""

import hashlib
import io
import json
from contextlib import suppress
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.testing import assert_array_equal
from small_runs import job, write_digits

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.simulation import MOMENTS, Progress, simulate
from mix2fld_np.federation.task import Federation
from mix2fld_np.runs.checkpoint import MAGIC, load_checkpoint, save_checkpoint
from mix2fld_np.runs.files import checksum, json_bytes
from mix2fld_np.runs.jobs import task_of
from mix2fld_np.runs.play import play_all
from mix2fld_np.runs.results import COLUMNS, result_of
from mix2fld_np.runs.store import StoredRun, read_result

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
ARRAYS = [field.name for field in fields(Federation)]
finite = st.floats(0, 1e9)


class Stopped:
    """A run of a protocol that was stopped after its first round of two."""

    def __init__(self, data, directory, protocol):
        self.run = StoredRun(job(data, protocol), directory)
        self.task = task_of(self.run.job)
        self.protocol = protocol_named(protocol)
        self.progress = next(simulate(self.protocol, self.task))

    def stored(self, progress=None):
        """The path of its checkpoint, and the bytes in it."""
        save_checkpoint(self.run.checkpoint, self.run.identity, progress or self.progress)
        return self.run.checkpoint, self.run.checkpoint.read_bytes()

    def refusal(self, identity=None):
        """The one sentence with which the checkpoint is refused, which changes nothing."""
        before = self.run.checkpoint.read_bytes()
        with pytest.raises(InputError) as caught:
            load_checkpoint(self.run.checkpoint, identity or self.run.identity, self.task)
        assert self.run.checkpoint.read_bytes() == before
        message = str(caught.value)
        assert str(self.run.checkpoint) in message and message.endswith(".") and "\n" not in message
        return message


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", params=["FL", "Mix2FLD"])
def stopped(request, data, tmp_path_factory):
    return Stopped(data, tmp_path_factory.mktemp("runs"), request.param)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A run that has been played to its end, with an accuracy of each device."""
    run = StoredRun(job(data, "Mix2FLD"), tmp_path_factory.mktemp("finished"))
    play_all([run.job], run.directory)
    return run


# ------------------------------------------------------------------------------------------------------ there and back
def any_numbers(draw, array):
    """The array with some other numbers in it, NaN where the state may hold it."""
    if array is None or array.dtype == bool:
        return array
    numbers = draw(
        st.lists(st.floats(-1e3, 1e3, width=32) | st.just(np.nan if array.ndim == 3 else 1.0), min_size=1, max_size=20)
    )
    flat = array.ravel().copy()
    flat[: len(numbers)] = numbers
    return flat.reshape(array.shape)


@in_a_folder
@given(data=st.data())
def test_a_checkpoint_gives_back_progress_to_the_bit(stopped, data):
    fed = Federation(**{name: any_numbers(data.draw, getattr(stopped.progress.fed, name)) for name in ARRAYS})
    row = stopped.progress.rounds[0] | {
        "elapsed_s": data.draw(st.floats(1e-9, 1e250)),
        "converged": data.draw(st.booleans()),
    }
    curve = tuple(data.draw(st.lists(st.tuples(finite, finite), min_size=1, max_size=5)))
    test = st.fixed_dictionaries({"correct": st.lists(st.just(0), min_size=10, max_size=10), "loss": finite})
    devices = st.fixed_dictionaries({moment: st.lists(test, min_size=3, max_size=3) for moment in MOMENTS})
    tests = data.draw(st.none() | test), data.draw(st.none() | devices)
    progress = Progress(1, fed, row["elapsed_s"], row["converged"], (row,), curve, *tests)
    path, _ = stopped.stored(progress)
    found = load_checkpoint(path, stopped.run.identity, stopped.task)
    assert replace(found, fed=None) == replace(progress, fed=None)
    for name in ARRAYS:
        left, right = getattr(found.fed, name), getattr(fed, name)
        assert_array_equal(left, right)
        assert left is right is None or left.dtype == right.dtype


@pytest.mark.parametrize("protocol", ["FL", "FD", "FLD", "MixFLD", "Mix2FLD"])
@pytest.mark.parametrize(
    "changes", [{}, {"max_slots": 3, "uplink_power_dbm": -20.0}, {"slot_s": 1, "device_s_per_iteration": 0}]
)
def test_every_row_that_a_round_makes_has_the_columns_that_are_asked_for(data, tmp_path, protocol, changes):
    run = StoredRun(job(data, protocol, **changes), tmp_path)
    play_all([run.job], run.directory)
    result = run.result()
    assert all(list(row) == list(COLUMNS) for row in result.rounds)


# --------------------------------------------------------------------------------------------------- damaged or another
@in_a_folder
@given(data=st.data())
def test_a_checkpoint_with_any_byte_changed_is_refused(stopped, data):
    path, before = stopped.stored()
    content = bytearray(before)
    at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 200))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert "damaged" in (said := stopped.refusal()) or "no checkpoint of this version" in said


@in_a_folder
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_checkpoint_cut_anywhere_is_refused(stopped, share):
    path, content = stopped.stored()
    path.write_bytes(content[: int(share * len(content))])
    stopped.refusal()


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"protocol": "FD"}, {"settings": {"beta": 0.02}}, {"numpy": "2"}, {"data": "0" * 64}]
)
def test_a_checkpoint_of_another_run_is_refused(stopped, change):
    stopped.stored()
    assert "belongs to a run with other settings" in stopped.refusal(stopped.run.identity | change)


def test_a_checkpoint_of_another_format_is_refused(stopped):
    path, content = stopped.stored()
    path.write_bytes(content.replace(MAGIC, b"mix2fld checkpoint 1\n"))
    assert "no checkpoint of this version" in stopped.refusal()


def test_a_folder_in_place_of_a_checkpoint_is_refused(stopped, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_checkpoint(tmp_path, stopped.run.identity, stopped.task)


# -------------------------------------------------------------------------------------- sealed, but with anything in it
def sealed(body):
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def archive(**arrays):
    body = io.BytesIO()
    np.savez(body, **arrays)
    return body.getvalue()


def head_of(content):
    """A head of these bytes."""
    return np.frombuffer(content, np.uint8)


def resealed(stopped, arrays=None, **story):
    """Writes the checkpoint with some arrays and parts of the story replaced, or left out where they are None,
    under a right checksum."""
    _, content = stopped.stored()
    with np.load(io.BytesIO(content[len(MAGIC) + 65 :])) as stored:
        found = {name: stored[name] for name in stored.files} | (arrays or {})
    head = json.loads(found["head"].tobytes())
    head["story"] |= story
    found["head"] = head_of(json.dumps(head).encode())
    stopped.run.checkpoint.write_bytes(
        sealed(archive(**{name: value for name, value in found.items() if value is not None}))
    )


BODIES = [
    b"",
    b"no archive",
    archive(other=np.zeros(2)),
    archive(head=head_of(b"{}")),
    archive(head=head_of(b"[]")),
    archive(head=head_of(b"3")),
    archive(head=head_of(b"\xff")),
    archive(head=head_of(b'{"identity": ' + b"[" * 50_000)),
    archive(head=head_of(b'{"identity": {}, "story": {}}'), unknown=np.zeros(1)),
    archive(head=np.array([{"pickled": 1}], object)),
]


@pytest.mark.parametrize("body", BODIES)
def test_a_sealed_file_that_holds_something_else_is_refused(stopped, body):
    path, _ = stopped.stored()
    path.write_bytes(sealed(body))
    assert "something else" in (said := stopped.refusal()) or "other settings" in said


@pytest.mark.parametrize(
    "story",
    [
        *({"p": p} for p in (-1, 0, 2, 99, 1.0, True, "1", None, [1])),
        *({"elapsed_s": value} for value in (float("nan"), float("inf"), "1", None, -1.0)),
        *({"converged": value} for value in ("yes", None, 0)),
        *({"rounds": value} for value in ([], None, 3, [{}], [{"round": 1}], [None], {"round": 1})),
        *(
            {"curve": value}
            for value in ([], None, [[1.0]], [[1.0, "x"]], [[float("nan"), 0.5]], [[1.0, 2.0, 3.0]], [3])
        ),
        *({"server": value} for value in ([], [0.5], "x", {"correct": [1] * 10}, {"correct": [99] * 10, "loss": 0.5})),
        *({"devices": value} for value in ([], [0.5], {"trained": [0.5]}, {"trained": [{"correct": [1], "loss": 0}]})),
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_story_that_no_run_has_is_refused(stopped, story):
    resealed(stopped, **story)
    assert "something else" in stopped.refusal()


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("value", ["x", -1, float("nan"), [1], 10**400], ids=lambda value: str(value)[:9])
def test_a_row_without_a_number_where_there_is_to_be_one_is_refused(stopped, name, value):
    resealed(stopped, rounds=[stopped.progress.rounds[0] | {name: value}])
    assert "something else" in stopped.refusal()


@pytest.mark.parametrize("name", [name for name in COLUMNS if "energy" not in name])  # which came later
def test_a_row_with_another_column_or_one_less_is_refused(stopped, name):
    row = stopped.progress.rounds[0]
    for changed in ({column: row[column] for column in row if column != name}, {**row, "more": 1}):
        resealed(stopped, rounds=[changed])
        assert "something else" in stopped.refusal()


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_of_another_shape_or_type_is_refused(stopped, name):
    array = getattr(stopped.progress.fed, name)
    others = [
        array[:-1], array[None], np.zeros((0,), array.dtype), np.ones_like(array, np.float16),
        np.ones_like(array, ">i8"),
    ]
    if name != "mean":  # there is none before the first upload that arrives
        others.append(None)
    for other in others:
        resealed(stopped, arrays={name: other})
        assert "something else" in stopped.refusal()


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_a_global_average_to_which_nothing_can_be_compared_is_refused(stopped, value):
    mean = stopped.progress.fed.mean
    if mean.ndim == 2 and np.isnan(value):
        return  # as all labels are in an average of outputs that nobody has drawn
    resealed(stopped, arrays={"mean": np.full_like(mean, value)})
    assert "something else" in stopped.refusal()


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
other_arrays = st.builds(
    lambda shape, kind, value: np.full(shape, value).astype(kind),
    st.lists(st.sampled_from([0, 1, 2, 3, 10, 12_544]), max_size=3).filter(lambda shape: np.prod(shape) < 1e6),
    st.sampled_from(["f4", "f8", "i8", "?", "U3"]),
    st.sampled_from([0, 1, -1, 0.5]),
)


@in_a_folder
@given(data=st.data())
def test_whatever_a_sealed_checkpoint_holds_it_is_refused_or_played_on(stopped, data):
    story = {field.name: getattr(stopped.progress, field.name) for field in fields(Progress) if field.name != "fed"}
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(story)), plain_values, max_size=1))
    if data.draw(st.booleans()):
        row = stopped.progress.rounds[0]
        changed = {"rounds": [row | data.draw(st.dictionaries(st.sampled_from(sorted(row)), plain_values, max_size=2))]}
    fed = data.draw(st.dictionaries(st.sampled_from(ARRAYS), st.none() | other_arrays, max_size=1))
    for name in data.draw(st.lists(st.sampled_from(ARRAYS), max_size=1)):
        array = getattr(stopped.progress.fed, name)
        fed[name] = np.full_like(array, data.draw(st.sampled_from([0, 1, np.nan, np.inf, -1e30])))
    resealed(stopped, arrays=fed, **changed)
    with suppress(InputError), np.errstate(all="ignore"):
        progress = load_checkpoint(stopped.run.checkpoint, stopped.run.identity, stopped.task)
        end = progress
        for end in simulate(stopped.protocol, stopped.task, progress):
            stopped.run.save(end)
        result_of(stopped.protocol, end, stopped.task)


# -------------------------------------------------------------------------------------------------------------- results
def sealed_result(run, result=None, identity=None):
    """The run with another result stored under a right checksum."""
    stored = json.loads(run.path.read_bytes())
    result, identity = (
        stored["result"] if result is None else result,
        stored["identity"] if identity is None else identity,
    )
    other = StoredRun(run.job, run.directory.with_name("resealed"))
    other.path.parent.mkdir(parents=True, exist_ok=True)
    other.path.write_bytes(json_bytes({"identity": identity, "checksum": checksum(result), "result": result}))
    return other


def assert_refused(run):
    with pytest.raises(InputError) as caught:
        run.result()
    assert str(run.path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_result_comes_back_as_it_was(finished):
    result = finished.result()
    assert len(result.rounds) == 2 and len(result.accuracies("trained")) == 3
    assert sealed_result(finished).result() == result


@pytest.mark.parametrize(
    "result", [[], {}, 3, "x", {"rounds": []}, {"rounds": [], "curve": [], "devices": {}, "notices": []}]
)
def test_a_sealed_result_that_is_none_is_refused(finished, result):
    assert_refused(sealed_result(finished, result))


@pytest.mark.parametrize("identity", [[], {}, 3, None, {"protocol": "FL"}, {"settings": 3}])
def test_a_sealed_identity_that_is_none_is_refused(finished, identity):
    run = sealed_result(finished, identity="x" if identity is None else identity)
    assert_refused(run)
    with pytest.raises(InputError):
        read_result(run.path)


@in_a_folder
@given(data=st.data())
def test_whatever_a_sealed_result_holds_it_is_refused_or_taken_whole(finished, data):
    result = json.loads(finished.path.read_bytes())["result"]
    parts = st.sampled_from(sorted(result))
    if data.draw(st.booleans()):
        result |= data.draw(
            st.dictionaries(parts | st.just("more"), plain_values.filter(is_json), min_size=1, max_size=2)
        )
    else:
        row = data.draw(st.sampled_from(result["rounds"]))
        row |= data.draw(
            st.dictionaries(st.sampled_from(sorted(row)), plain_values.filter(is_json), min_size=1, max_size=2)
        )
    with suppress(InputError):
        found = sealed_result(finished, result).result()
        assert vars(found) == {"models": None} | result and [row["round"] for row in found.rounds] == [1, 2]
        assert found.uplink_bits > 0 and found.best_accuracy == max(np.array(found.curve)[:, 1])
        assert len(found.accuracies("downloaded")) == 3
        assert found.criterion_s is None or found.criterion_s > 0
        assert found.server_samples <= 10**300 and found.server_samples_wanted >= 0


def is_json(value):
    with suppress(ValueError):
        return json_bytes(value) is not None
    return False
