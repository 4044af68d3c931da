"""The weights with which runs end: kept on request, whole, and the ones that the accuracies belong to."""

from dataclasses import replace

import numpy as np
import pytest
from small_runs import compare, files_of, job, write_digits

from mix2fld_np.cli import main
from mix2fld_np.console.models import packed
from mix2fld_np.nn.network import Network
from mix2fld_np.runs.jobs import dataset, task_of
from mix2fld_np.runs.play import play_all
from mix2fld_np.runs.store import StoredRun


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


def test_the_models_that_compare_stores_have_the_accuracies_that_it_says(data, tmp_path):
    assert main(compare(data, tmp_path)) == 0
    with np.load(tmp_path / "models.npz", allow_pickle=False) as stored:
        models = dict(stored)
    names = ("FL", "FD", "FLD", "MixFLD", "Mix2FLD")
    assert {name for name in models if name.endswith("devices")} == {f"{name}-seed0/devices" for name in names}
    assert "FD-seed0/server" not in models and "Mix2FLD-seed0/server" in models
    for name in ("FD", "Mix2FLD"):
        run = StoredRun(replace(job(data, name, max_slots=105), models="all"), tmp_path)
        test = task_of(run.job).accuracy
        assert [test(weights) for weights in models[f"{name}-seed0/devices"]] == run.result().accuracies("downloaded")
        if name == "Mix2FLD":
            assert test(models["Mix2FLD-seed0/server"]) == run.result().server_accuracy


def test_two_lines_of_python_classify_an_image(data, tmp_path):
    assert main(compare(data, tmp_path, "--protocols=Mix2FLD")) == 0
    weights = np.load(tmp_path / "models.npz")["Mix2FLD-seed0/server"]
    images = dataset(job(data).source).test_pixels
    assert Network().outputs(weights, images).argmax(axis=1).shape == (len(images),)


@pytest.mark.parametrize(("which", "kept"), [("none", None), ("server", ["server"]), ("all", ["devices", "server"])])
def test_only_what_is_asked_for_is_kept_and_what_is_missing_is_played_again(data, tmp_path, which, kept):
    wanted = replace(job(data, "Mix2FLD"), models=which)
    play_all([job(data, "Mix2FLD")], tmp_path)
    result = play_all([wanted], tmp_path)[0]
    assert (result.models and sorted(result.models)) == kept
    if kept:
        before = files_of(tmp_path)
        play_all([replace(wanted, models="server")], tmp_path)
        assert files_of(tmp_path) == before, "more than was asked for is there"


def test_fl_keeps_the_average_that_everybody_downloaded(data, tmp_path):
    run = replace(job(data, "FL", uplink_power_dbm=60.0), models="all")
    result = play_all([run], tmp_path)[0]
    np.testing.assert_array_equal(result.weights("devices"), np.tile(result.weights("server"), (3, 1)))


def test_models_of_many_devices_are_kept_on_request_only(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mix2fld_np.console.models.MOST_UNASKED_BYTES", 100_000)
    assert main(compare(data, tmp_path / "few", "--protocols=Mix2FLD")) == 0
    assert list(np.load(tmp_path / "few" / "models.npz")) == ["Mix2FLD-seed0/server"]
    assert main(compare(data, tmp_path / "all", "--protocols=Mix2FLD", "--models=all")) == 0
    assert "models.npz will take 0 MB" in capsys.readouterr().err
    assert len(np.load(tmp_path / "all" / "models.npz")) == 2


def test_the_flat_order_loads_into_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = Network()
    weights = network.initial_weights(np.random.default_rng(1))
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 12, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(12, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(1176, 10),
        torch.nn.Softmax(1),
    )  # fmt: skip
    torch.nn.utils.vector_to_parameters(torch.from_numpy(weights), model.parameters())
    images = np.random.default_rng(2).random((5, 1, 28, 28), np.float32)
    with torch.no_grad():
        np.testing.assert_allclose(model(torch.from_numpy(images)).numpy(), network.outputs(weights, images), atol=1e-5)


def test_models_are_the_same_bytes_at_any_time(data, tmp_path, monkeypatch):
    run = replace(job(data, "FL"), models="all")
    results = play_all([run], tmp_path)
    now = packed([run], results)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert packed([run], results) == now
