"""The readers of IDX and CIFAR files: what they give back,
and that nothing but an InputError of one sentence comes of a bad file."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from mix2fld_np.datasets.formats import idx_count, pixels, read_cifar, read_idx
from mix2fld_np.errors import InputError

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
byte_arrays = st.sampled_from([1, 3]).flatmap(
    lambda n: arrays(np.uint8, array_shapes(min_dims=n, max_dims=n, min_side=1, max_side=7)),
)
LABELS = struct.pack(">BBBBI", 0, 0, 8, 1, 3) + b"\x05\x00\x09"


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def refusal(read, path, *arguments):
    """The message with which `read` refuses the file: it names the path and is one sentence."""
    with pytest.raises(InputError) as caught:
        read(path, *arguments)
    message = str(caught.value)
    assert str(path) in message
    assert message.endswith(".")
    assert "\n" not in message
    return message


@in_a_folder
@given(array=byte_arrays, packed=st.booleans(), name=st.sampled_from(["a", "a.gz", "a.idx3-ubyte"]))
def test_an_idx_file_gives_back_what_was_written_packed_or_not_whatever_its_name(tmp_path, array, packed, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    found = read_idx(path)
    assert found.dtype == np.uint8
    assert_array_equal(found, array)
    assert idx_count(path) == len(array)


@in_a_folder
@given(
    content=st.binary(max_size=200),
    start=st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\x00", LABELS[:4], b"\x00\x00\x08\x03"]),
)
def test_random_bytes_are_refused_or_read_but_never_crash(tmp_path, content, start):
    path = tmp_path / "random"
    path.write_bytes(start + content)
    try:
        found = read_idx(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert idx_bytes(found) == start + content


@in_a_folder
@given(at=st.integers(0, 10), packed=st.booleans())
def test_a_file_cut_anywhere_is_refused(tmp_path, at, packed):
    path = tmp_path / "cut"
    whole = gzip.compress(LABELS, mtime=0) if packed else LABELS
    path.write_bytes(whole[: at * len(whole) // 11])
    refusal(read_idx, path)


@in_a_folder
@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_gzip_file_gives_the_right_array_or_a_refusal(tmp_path, at, flip):
    images = np.random.default_rng(1).integers(0, 256, (20, 8, 8), np.uint8)
    whole = bytearray(gzip.compress(idx_bytes(images), mtime=0))
    whole[at % len(whole)] ^= flip
    path = tmp_path / "damaged.gz"
    path.write_bytes(whole)
    try:
        assert_array_equal(read_idx(path), images)
    except InputError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "begins with nothing"),
        (b"\x00\x00\x0d\x01" + LABELS[4:], "no IDX file"),
        (b"\x00\x00\x08\x02" + LABELS[4:], "no IDX file"),
        (LABELS[:6], "within its header"),
        (LABELS[:-1], "ends early"),
        (LABELS + b"\x01", "goes on"),
        (gzip.compress(LABELS[:-1]), "ends early"),
        (gzip.compress(LABELS + b"\x01"), "goes on"),
        (gzip.compress(LABELS) + b"garbage", "damaged"),
        (gzip.compress(LABELS)[:-6], "damaged"),
        (b"\x1f\x8b" + b"\xff" * 30, "damaged"),
    ],
)
def test_each_way_an_idx_file_can_be_wrong_is_told(tmp_path, content, words):
    path = tmp_path / "labels"
    path.write_bytes(content)
    assert words in refusal(read_idx, path)


lengths = st.sampled_from([0, 1, 28, 2**16, 2**28, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1)


@in_a_folder
@given(
    shape=st.lists(lengths, min_size=1, max_size=3).filter(lambda shape: len(shape) != 2),
    packed=st.booleans(),
    n=st.integers(0, 50),
)
def test_no_header_ends_in_anything_but_its_array_or_a_refusal(tmp_path, shape, packed, n):
    content = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(n)
    path = tmp_path / "header"
    path.write_bytes(gzip.compress(content) if packed else content)
    for read in (read_idx, idx_count):
        try:
            found = read(path)
        except InputError as error:
            assert str(path) in str(error)
        else:
            assert found == shape[0] if read is idx_count else found.shape == tuple(shape)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "shape",
    [(2**32 - 1, 2**32 - 1, 2**32 - 1), (600, 1000, 1000), (0, 2**32 - 1, 2**32 - 1), (2**32 - 1, 0, 2**32 - 1)],
)
def test_a_huge_declared_size_is_refused_before_any_memory_is_taken(tmp_path, packed, shape):
    content = struct.pack(">BBBBIII", 0, 0, 8, 3, *shape) + b"\x00" * 100
    path = tmp_path / "huge"
    path.write_bytes(gzip.compress(content) if packed else content)
    tracemalloc.start()
    assert "more than it can hold" in refusal(read_idx, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_declared_size_that_gzip_could_hold_but_does_not_takes_no_memory_either(tmp_path):
    path = tmp_path / "hollow"
    path.write_bytes(
        gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, 250, 1000, 1000) + np.random.default_rng(1).bytes(300_000))
    )
    tracemalloc.start()
    assert "ends early" in refusal(read_idx, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(("shape", "expected"), [((3, 27, 28), (28, 28)), ((3,), (28, 28)), ((3, 28, 28), ())])
def test_samples_of_another_shape_than_expected_are_refused(tmp_path, shape, expected):
    path = tmp_path / "samples"
    path.write_bytes(idx_bytes(np.zeros(shape, np.uint8)))
    for read in (read_idx, idx_count):
        assert "were expected" in refusal(read, path, expected)
        read(path, shape[1:])


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_says(tmp_path):
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(LABELS + b"\x00" * 50_000_000))
    tracemalloc.start()
    assert "goes on" in refusal(read_idx, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "read", [read_idx, idx_count, lambda path: read_cifar(path, 1), lambda path: read_cifar(path, 2)]
)
def test_a_folder_and_a_missing_file_are_refused(tmp_path, read):
    assert "a folder" in refusal(read, tmp_path)
    assert "no file that exists" in refusal(read, tmp_path / "absent")


def cifar_bytes(images, *labels):
    return b"".join(bytes(l) + image.tobytes() for *l, image in zip(*labels, images, strict=True))


@in_a_folder
@given(n=st.integers(1, 4), n_label_bytes=st.sampled_from([1, 2]), seed=st.integers(0, 99))
def test_a_cifar_file_gives_back_images_and_the_finest_labels(tmp_path, n, n_label_bytes, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 3, 32, 32), np.uint8)
    coarse, fine = rng.integers(0, 10, n), rng.integers(0, 10 ** n_label_bytes, n)
    path = tmp_path / "batch.bin"
    path.write_bytes(cifar_bytes(images, *([coarse, fine] if n_label_bytes == 2 else [fine])))
    found_images, found_labels = read_cifar(path, n_label_bytes)
    assert found_images.dtype == found_labels.dtype == np.uint8
    assert_array_equal(found_images, images)
    assert_array_equal(found_labels, fine)


@pytest.mark.parametrize(
    ("content", "n_label_bytes", "words"),
    [
        (b"", 1, "0 bytes"),
        (b"\x00" * 3072, 1, "no number of CIFAR records"),
        (b"\x00" * 3074, 1, "no number of CIFAR records"),
        (b"\x00" * 3073, 2, "no number of CIFAR records"),
        (b"\x0a" * 3073, 1, "the label 10"),
        (b"\x13\x64" + b"\x00" * 3072, 2, "the label 100"),
        (b"\x14\x63" + b"\x00" * 3072, 2, "the label 20"),
    ],
)
def test_each_way_a_cifar_file_can_be_wrong_is_told(tmp_path, content, n_label_bytes, words):
    path = tmp_path / "batch.bin"
    path.write_bytes(content)
    assert words in refusal(read_cifar, path, n_label_bytes)


def test_the_largest_labels_of_cifar_are_still_read(tmp_path):
    path = tmp_path / "batch.bin"
    path.write_bytes(b"\x13\x63" + b"\x00" * 3072)
    assert read_cifar(path, 2)[1].tolist() == [99]


def test_three_label_bytes_are_unknown(tmp_path):
    with pytest.raises(InputError, match="3 label bytes"):
        read_cifar(tmp_path, 3)


def test_pixels_run_from_zero_to_one_in_single_precision():
    scaled = pixels(np.array([0, 51, 255], np.uint8))
    assert scaled.dtype == np.float32
    assert_array_equal(scaled, np.array([0, 0.2, 1], np.float32))


def test_pixels_that_are_no_bytes_are_refused():
    with pytest.raises(InputError, match="float32"):
        pixels(np.ones((1, 28, 28), np.float32))
