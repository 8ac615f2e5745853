"""The losses of section 4.3.2 against other programs and against hand-made cases."""

from __future__ import annotations

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from sayre.training.planar.losses import LOSSES, dissimilarity, gradient_error


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(3, 40, 30, generator=generator, dtype=torch.float64)
    predicted = (truth + 0.1 * torch.randn(truth.shape, generator=generator)).clamp(0, 1)
    gap = torch.zeros(truth.shape, dtype=torch.bool)
    gap[:, :, 12:17] = True
    return predicted, truth, gap


def test_the_similarity_is_that_of_another_program(case):
    predicted, truth, gap = case
    filled = torch.where(gap, predicted, truth)
    _, image = structural_similarity_index_measure(
        filled[:, None], truth[:, None], sigma=1.5, data_range=1.0, reduction="none", return_full_image=True
    )
    torch.testing.assert_close(dissimilarity(*case), 1 - image[..., 5:-5, 5:-5].mean())


def test_errors_count_the_gap_alone(case):
    predicted, truth, gap = case
    difference = (predicted - truth)[gap]
    torch.testing.assert_close(LOSSES["mse"](*case), (difference**2).mean())
    torch.testing.assert_close(LOSSES["mae"](*case), difference.abs().mean())


def test_gradients_are_compared_within_the_gap_and_across_its_edges(case):
    predicted, truth, gap = case
    filled = torch.where(gap, predicted, truth)
    rows = (filled.diff(dim=1) - truth.diff(dim=1))[:, :, 12:17]
    columns = (filled.diff(dim=2) - truth.diff(dim=2))[:, :, 11:17]
    torch.testing.assert_close(gradient_error(*case), ((rows**2).mean() + (columns**2).mean()) / 2)


def test_the_combined_loss_is_the_sum(case):
    parts = LOSSES["mse"](*case) + LOSSES["ssim"](*case) + gradient_error(*case)
    torch.testing.assert_close(LOSSES["combined"](*case), parts)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_have_right_gradients_which_end_at_the_gap(name, case):
    predicted, truth, gap = (part[:1, :16, :20] for part in case)
    predicted = predicted.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: LOSSES[name](p, truth, gap), (predicted,), atol=1e-6)
    LOSSES[name](predicted, truth, gap).backward()
    assert not predicted.grad[~gap].any()
    assert predicted.grad[gap].any()


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_the_truth_are_zero(name, case):
    _, truth, gap = case
    assert float(LOSSES[name](truth, truth, gap)) == pytest.approx(0, abs=1e-12)
