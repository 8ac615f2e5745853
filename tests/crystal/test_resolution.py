import numpy as np
import pytest

from sayre.crystal.resolution import ShellCurve, finest_periods, fsc, prtf, unseen
from sayre.data import Grid, Pattern
from sayre.errors import InputError

SHAPE = (24, 28, 34)  # no voxel lies between two shells


def fourier(obj):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))


def inverse(field):
    return np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(field)))


def noise(seed, shape=SHAPE):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def radius(shape=SHAPE):
    """|q| in rad per voxel."""
    axes = np.meshgrid(*(2 * np.pi * (np.arange(n) - n // 2) / n for n in shape), indexing="ij")
    return np.sqrt(sum(a**2 for a in axes))


def counts(field, mask=None):
    mask = np.zeros(field.shape, bool) if mask is None else mask
    intensity = np.where(mask, 0, np.abs(field) ** 2).astype(np.float32)
    return Pattern(intensity=intensity, mask=mask, grid=Grid(step=(1.0,) * field.ndim))


def test_solutions_that_agree_up_to_a_radius():
    """Common phases within |q| < 2, independent ones beyond: PRTF 1 there and 1/√n here; 2π/2 voxels."""
    n, q = 16, radius()
    true = noise(0)
    fields = [np.where(q < 2, true, np.abs(true) * np.exp(1j * np.angle(noise(i + 1)))) for i in range(n)]
    curve = prtf([inverse(f) for f in fields], counts(true))
    np.testing.assert_allclose(curve.value[curve.q < 1.8], 1, rtol=1e-4)
    np.testing.assert_allclose(curve.value[curve.q > 2.2], n**-0.5, atol=0.03)
    assert curve.unit == "voxels"
    assert curve.resolution == pytest.approx(np.pi, rel=0.09)  # a shell
    assert not curve.limited_by_detector
    assert curve.voxels[1:].min() > 0
    assert curve.q[-1] == pytest.approx(np.pi, rel=0.03)


def test_prtf_leaves_masked_voxels_out():
    true = noise(0)
    mask = np.zeros(SHAPE, bool)
    mask[10:16] = True
    wrong = np.where(mask, 100 * true, true)
    found = prtf([inverse(wrong)], counts(true, mask))
    np.testing.assert_allclose(found.value[3:], 1, rtol=1e-4)
    assert np.isnan(found.value[:2]).all()
    assert found.voxels.sum() < prtf([inverse(wrong)], counts(true)).voxels.sum()
    assert prtf([inverse(wrong)], counts(true)).value.max() > 10


def test_prtf_of_few_counts_stays_at_one():
    """Poisson counts of mean 0.1: the ratio of sums does not rise as the mean of ratios would."""
    expected = np.full(SHAPE, 0.1)
    pattern = Pattern.from_counts(np.random.default_rng(0).poisson(expected))
    curve = prtf([inverse(np.sqrt(expected) * np.exp(1j * np.angle(noise(1))))], pattern)
    np.testing.assert_allclose(curve.value[4:], 1, atol=0.2)
    assert curve.value[4:].mean() == pytest.approx(1, abs=0.03)


def test_fsc_against_brute_force():
    first, second = noise(0), noise(0) + 0.7 * noise(1)
    curve = fsc(first, second)
    a, b, q = fourier(first), fourier(second), radius()
    width = np.pi / 12
    for shell in (1, 5, 12):
        inside = np.rint(q / width) == shell
        expected = np.vdot(a[inside], b[inside]).real / np.linalg.norm(a[inside]) / np.linalg.norm(b[inside])
        assert curve.value[shell] == pytest.approx(expected)
        assert curve.voxels[shell] == inside.sum()
        assert curve.q[shell] == pytest.approx(q[inside].mean())


def test_fsc_resolution_in_nm():
    """Agreement to 1/nm on oblique voxels: the resolution is 2π/q of the cut, whatever the voxels."""
    basis = np.array([[0.5, 0, 0.1], [0.05, 0.6, 0], [0, -0.1, 0.4]])
    axes = np.meshgrid(*(2 * np.pi * (np.arange(n) - n // 2) / n for n in SHAPE), indexing="ij")
    q = np.linalg.norm(np.stack(axes, -1) @ np.linalg.inv(basis).T, axis=-1)
    true = noise(0)
    other = np.where(q < 2.5, true, noise(1))
    curve = fsc(inverse(true), inverse(other), criterion="1/2", voxel_basis=basis)
    assert curve.unit == "nm"
    assert curve.resolution == pytest.approx(2 * np.pi / 2.5, rel=0.08)
    for criterion in ("half-bit", "1/7"):
        assert fsc(inverse(true), inverse(other), criterion=criterion, voxel_basis=basis).resolution < 2.7


def test_of_itself_and_of_nothing():
    obj = noise(0)
    same = fsc(obj, obj)
    np.testing.assert_allclose(same.value, 1)
    assert same.limited_by_detector
    assert same.resolution == pytest.approx(2 * np.pi / same.q[-1])
    assert np.isnan(prtf([0 * obj], counts(obj)).resolution)


def test_half_bit():
    """0.1716 for many voxels (van Heel and Schatz), 1 for one; and a tight support raises it."""
    curve = fsc(noise(0, (128, 128)), noise(1, (128, 128)))
    loose = curve.threshold
    assert loose[0] == pytest.approx(1, abs=1e-3)
    n = curve.voxels[40]
    assert loose[40] == pytest.approx((0.2071 + 1.9102 / n**0.5) / (1.2071 + 0.9102 / n**0.5))
    assert (0.2071 / 1.2071) < loose[-1] < 0.25
    tight = fsc(noise(0, (128, 128)), noise(1, (128, 128)), support_fraction=0.1).threshold
    assert (tight[1:] > loose[1:]).all()


def test_resolution_interpolates():
    curve = ShellCurve(
        q=np.array([0.0, 1, 2, 3]),
        value=np.array([1, 0.9, 0.6, 0.4]),
        threshold=np.full(4, 0.5),
        voxels=np.ones(4, int),
        unit="nm",
    )
    assert curve.resolution == pytest.approx(2 * np.pi / 2.5)


def test_refusals():
    with pytest.raises(InputError, match="must agree"):
        fsc(noise(0), noise(0)[1:])
    with pytest.raises(InputError, match="must agree"):
        prtf([noise(0)[1:]], counts(noise(0)))
    with pytest.raises(InputError, match="half-bit, 1/7 or 1/2"):
        fsc(noise(0), noise(0), criterion="one")
    with pytest.raises(InputError, match="fraction"):
        fsc(noise(0), noise(0), support_fraction=0.0)


def test_unseen_counts_are_predicted_as_far_as_the_object_is_right():
    """The expectation is right within |q| < 2 and that of other objects beyond."""
    q, rng = radius(), np.random.default_rng(5)
    true, other = (20 * np.abs(noise(i)) ** 2 for i in (0, 1))
    counts = rng.poisson(true)
    free = rng.random(SHAPE) < 0.2
    curve = unseen(counts, np.where(q < 2, true, other), free)
    known = np.isfinite(curve.value)
    assert (curve.voxels[known] >= 12).all()
    assert (curve.value[known & (curve.q < 1.8)] > 0.95).all()
    assert (np.abs(curve.value[known & (curve.q > 2.2)]) < 0.35).all()
    assert curve.resolution == pytest.approx(np.pi, rel=0.09)  # a shell
    shell = np.rint(q / np.pi * 12) == 5
    chosen = shell & free
    wanted = np.corrcoef(np.sqrt(counts[chosen]), np.sqrt(true[chosen]))[0, 1]
    assert curve.value[5] == pytest.approx(wanted)
    dark = unseen(rng.poisson(true / 1e4), true / 1e4, free)
    assert not dark.limited_by_detector  # photon noise ends it, though the object is right
    with pytest.raises(InputError, match="must agree"):
        unseen(counts, true, free[1:])


def test_finest_periods_are_those_of_the_last_voxels():
    assert finest_periods(SHAPE) == pytest.approx((2, 2, 2))
    basis = np.array([[4.0, 0, 0], [1, 3, 0], [0, 2, 5]])
    steps = 2 * np.pi * np.linalg.inv(basis).T / np.array(SHAPE)[:, None]  # rows are q steps
    wanted = [2 * np.pi / np.linalg.norm(n // 2 * step) for n, step in zip(SHAPE, steps, strict=True)]
    assert finest_periods(SHAPE, basis) == pytest.approx(wanted)


def test_shells_of_few_independent_voxels_do_not_count():
    obj = noise(3)
    curve = fsc(obj, obj + 1e-3 * noise(4), support_fraction=0.02)
    assert curve.threshold[1] == pytest.approx(1)
    assert curve.value[1] < 1
    assert np.isfinite(curve.resolution)
    assert curve.limited_by_detector
