"""What is looked at when counts are read, said once, and left as it is on request."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from test_hygiene import SHAPE, expected, peak

import sayre
from sayre.data import Pattern
from sayre.detectors.hygiene.planes import empty_planes
from sayre.errors import InputError
from sayre.retrieval.prepare import around_peak
from sayre.workflows.jobs.input_file import InputFile


def loaded(path, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pattern = sayre.load(path, **options)
    return pattern, " | ".join(str(one.message) for one in caught)


@pytest.fixture
def file(tmp_path):
    def written(counts, **arrays):
        np.savez(tmp_path / "a.npz", data=counts, **arrays)
        return tmp_path / "a.npz"

    return written


def test_a_frame_that_is_there_twice(file):
    counts = peak()
    path = file(np.concatenate([counts[:13], counts[12:]]).astype(np.uint32))
    with pytest.raises(InputError, match="frame 13 holds the very counts of frame 12, so that"):
        sayre.load(path)
    pattern, said = loaded(path, repeated="drop")
    assert np.array_equal(pattern.intensity, counts)
    assert "the second taken out" in said
    pattern, said = loaded(path, repeated="mask")
    assert np.flatnonzero(pattern.mask.all(axis=(1, 2))).tolist() == [13]
    assert "the second masked" in said
    assert not loaded(path, repeated="keep")[0].mask.any()
    with pytest.raises(InputError, match=r"repeated: 'dorp' is not known.*'drop'|did you mean drop"):
        sayre.load(path, repeated="dorp")


def test_a_frame_of_another_place(file):
    counts = peak()
    counts[20] = counts[14]
    with pytest.raises(InputError, match="frame 20 holds the very counts of frame 14"):
        sayre.load(file(counts))


def test_dark_frames_and_mirrored_ones_are_not_there_twice(file):
    counts = peak(top=300)
    counts[:4] = 0
    counts[0:2, 3, 4] = 5
    assert loaded(file(counts))[0].shape == SHAPE
    mirrored = np.rint(expected())
    mirrored[1:16] = mirrored[:16:-1]
    assert loaded(file(mirrored))[0].shape == SHAPE


@pytest.mark.parametrize("effect", ["hot", "events", "empty", "saturated"])
def test_what_is_left_as_it_is(file, effect):
    counts = peak()
    if effect == "hot":
        counts[:, 9, 8] += 3000000
    elif effect == "events":
        counts[5, 12, 30] = 3000000
    elif effect == "empty":
        counts[12] = 0
    else:
        counts = np.minimum(counts, 450_000)
    path = file(counts)
    masked, said = loaded(path)
    assert masked.mask.any()
    assert said
    for leave in (effect, [effect], "all"):
        pattern, said = loaded(path, leave=leave)
        assert not pattern.mask.any()
        assert said == ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = around_peak(loaded(path, leave=effect)[0], 24)
    if effect != "events":
        assert not again.mask.any()
    with pytest.raises(InputError, match="leave: 'hto' is not known; one of hot, events, empty"):
        sayre.load(path, leave="hto")


def test_dark_fringes_of_a_box_without_noise_were_measured():
    box = np.zeros(SHAPE)
    box[8:16, 20:24, 10:18] = 1
    counts = np.abs(np.fft.fftshift(np.fft.fftn(box))) ** 2
    counts = np.rint(counts * 1e4 / counts.max()).astype(np.float32)
    assert (counts.sum(axis=(1, 2)) == 0).any()
    assert empty_planes(counts, np.zeros(SHAPE, bool)) == []


@pytest.mark.parametrize("sums", [(4000, 900, 150), (9000, 300)])
def test_frames_that_fall_off_to_nothing_were_measured(sums):
    """What frames fall off to, by the two before them, is not enough to be missed."""
    counts = np.zeros((8, 10, 10), np.float32)
    for frame, total in enumerate(sums):
        counts[frame, 4:6, 4:6] = total / 4
    assert empty_planes(counts, np.zeros(counts.shape, bool)) == []
    counts[2:4, 4:6, 4:6] = 600
    assert [lost.tolist() for _, lost in empty_planes(counts, np.zeros(counts.shape, bool))] == [[4, 5, 6, 7]]


def test_stray_counts_are_no_beam(file):
    """The shutter was shut, and a few counts in a frame are there all the same."""
    counts = peak()
    stray = np.random.default_rng(1).poisson(0.003, SHAPE)
    counts[20:] = stray[20:]
    pattern, said = loaded(file(counts))
    assert np.flatnonzero(pattern.mask.all(axis=(1, 2))).tolist() == list(range(20, 32))
    assert "frames 20 to 31 hold hardly a count beside bright ones" in said


@pytest.mark.parametrize("fault", ["swapped", "moved", "interleaved", "brighter", "line"])
def test_planes_that_do_not_continue_each_other(file, fault):
    counts, planes = peak(), "frames"
    if fault == "swapped":
        counts[[15, 16]] = counts[[16, 15]]
    elif fault == "moved":
        counts[18:] = np.roll(counts[18:], 6, 2)
    elif fault == "interleaved":
        counts = np.stack([counts[:16], counts[16:]], 1).reshape(SHAPE)
    elif fault == "brighter":
        counts[12] += 300
    else:
        counts[:, 12] += np.random.default_rng(1).poisson(300, (SHAPE[0], SHAPE[2]))
        planes = "rows"
    _, said = loaded(file(counts))
    stepped = planes == "frames" and "frames are missing, moved or in another order" in said
    assert stepped or f"a.npz: {planes} do not continue each other" in said


@pytest.mark.parametrize("scale", [(0.25, 0.18, 0.16), (0.2, 0.24, 0.24), (0.05, 0.05, 0.08)])
def test_those_of_a_crystal_do(file, scale):
    for seed, top in enumerate((1e3, 1e5, 1e7)):
        assert loaded(file(peak(seed, scale=scale, top=top)))[1] == ""


def test_counts_that_were_divided_are_told_by_their_values(file):
    counts = peak()
    _, said = loaded(file((counts / counts.max()).astype(np.float32)))
    assert f"multiples of {1 / counts.max():.4g}, which is taken for a photon" in said
    monitor = np.random.default_rng(0).uniform(0.9, 1.1, SHAPE[0])
    monitor /= monitor.mean()
    _, said = loaded(file((1e-6 * counts / monitor[:, None, None]).astype(np.float32)))
    low, mean, high = (
        f"{1e-6 * number:.4g}" for number in (f(1 / monitor) for f in (np.min, np.mean, np.max))
    )
    assert f"{mean} on average, {low} in the frame of the least and {high} in that of the most" in said


def test_what_was_left_is_written_with_the_counts(file, tmp_path):
    counts = peak()
    counts[12] = 0
    pattern = loaded(file(counts), leave="empty")[0]
    sayre.save(tmp_path / "b.npz", pattern)
    assert loaded(tmp_path / "b.npz")[0].meta.left == "empty"
    assert not loaded(tmp_path / "b.npz")[0].mask.any()
    sayre.save(tmp_path / "b.h5", pattern)
    assert not loaded(tmp_path / "b.h5")[0].mask.any()


def test_commands_take_what_is_left_and_repeated(file):
    counts = peak()
    counts[12] = 0
    path = str(file(np.concatenate([counts[:15], counts[14:]])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pattern = InputFile(source=path, leave=("empty", "hot"), repeated="drop").load()
    assert np.array_equal(pattern.intensity, counts)
    assert pattern.meta.left == "hot,empty"
    assert not pattern.mask.any()
    with pytest.raises(InputError, match="repeated: 'no' is not known"):
        InputFile(source=path, repeated="no")


def test_a_pattern_of_python_was_not_looked_at():
    """So that `phase` does: what is masked then is as `sound` masks it."""
    counts = peak()
    counts[:, 9, 8] += 3_000_000
    pattern = Pattern.from_counts(counts)
    assert pattern.meta.left is None
    with pytest.warns(sayre.SayreWarning, match="1 pixel is hot in every frame"):
        assert around_peak(pattern, 24).mask.sum() == 0


@pytest.mark.parametrize(("logarithm", "base"), [(np.log10, "10"), (np.log1p, "e"), (np.log, "e")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logarithms_are_no_counts(file, logarithm, base, dtype):
    counts = peak()
    with np.errstate(divide="ignore"):
        values = logarithm(counts).astype(dtype)
    assert f"the values are logarithms to the base {base} of counts" in loaded(file(values))[1]
    for scaled in (counts / 1e5, counts / counts.max(), np.sqrt(counts) / 100, np.log10(expected() + 1)):
        assert "logarithms" not in loaded(file(scaled.astype(dtype)))[1]


def test_places_are_those_of_the_file_inside_a_region(file):
    counts = np.concatenate([peak(1, top=300)[:20], peak()])
    counts[20:, 9, 8] += 3000000
    counts[20 + 12] = 0
    counts[20 + 20, 30, 31:33] = 2000000
    counts[20 + 25] = counts[20 + 24]
    path = file(counts)
    _, said = loaded(path, roi="20:52,4:,2:", repeated="mask")
    assert "frame 45 holds the very counts of frame 44" in said
    assert "frame 32 holds no count" in said
    assert "1 pixel is hot in every frame ((9, 8)), masked" in said
    assert "the first at (40, 30, 31)" in said


def test_frames_of_another_scale_are_those_of_the_file_inside_a_region(file):
    counts = np.concatenate([np.zeros(SHAPE), expected(scale=(0.08, 0.2, 0.12))])
    counts[50:] /= 10
    _, said = loaded(file(np.random.default_rng(0).poisson(counts)), roi="32:,:,:")
    assert "frames 50 to 63 are" in said
