"""The optimiser: Muon for the convolutions and AdamW for the other parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


def orthogonalise(gradient: Tensor, steps: int = 5) -> Tensor:
    """Compute the semi-orthogonal matrix that is nearest to a gradient, approximately.

    Singular values are 1 to within about 30 %, after a quintic Newton–Schulz iteration in bfloat16 (Jordan et
    al., "Muon", 2024).

    Parameters
    ----------
    gradient
        Float `(outputs, inputs)`.
    steps
        Number of iterations.

    Returns
    -------
    float32, same shape.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = gradient.shape[0] > gradient.shape[1]
    x = (gradient.T if tall else gradient).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    result: Tensor = (x.T if tall else x).float()
    return result


class Muon(torch.optim.Optimizer):
    """An optimiser with orthogonalised updates of the convolutions, and AdamW for the other parameters.

    Parameters
    ----------
    network
        The network to train.
    learning_rate
        Learning rate of the orthogonalised updates.
    adam_rate
        Learning rate of AdamW.
    weight_decay
        Relative decay of the weights in a step, over the learning rate.
    plain
        Names of modules whose convolutions AdamW updates as well: the first and the last layers.
    """

    def __init__(
        self,
        network: nn.Module,
        learning_rate: float = 0.02,
        *,
        adam_rate: float = 1e-3,
        weight_decay: float = 0.01,
        plain: Iterable[str] = ("stem", "head", "last"),
    ) -> None:
        skipped = tuple(plain)
        inner: list[nn.Parameter] = []
        other: list[nn.Parameter] = []
        for name, parameter in network.named_parameters():
            conv = parameter.ndim >= 4 and name.split(".")[0] not in skipped
            (inner if conv else other).append(parameter)
        groups: list[dict[str, Any]] = [
            {"params": inner, "lr": learning_rate, "orthogonal": True},
            {"params": other, "lr": adam_rate, "orthogonal": False},
        ]
        defaults = {"weight_decay": weight_decay, "momentum": 0.95, "betas": (0.9, 0.98)}
        super().__init__([g for g in groups if g["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` computes the loss anew, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            update = self._muon if group["orthogonal"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    update(parameter, parameter.grad, group)
        return loss

    def _muon(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["mean"] = torch.zeros_like(parameter)
        state["mean"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(state["mean"], group["momentum"]).flatten(1)
        scale = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
        parameter.add_(orthogonalise(ahead).reshape(parameter.shape), alpha=-group["lr"] * scale)

    def _adam(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, (b1, b2) = self.state[parameter], group["betas"]
        if not state:
            state["step"] = 0
            state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
        state["mean"].lerp_(gradient, 1 - b1)
        state["square"].lerp_(gradient.square(), 1 - b2)
        size = (state["square"] / (1 - b2 ** state["step"])).sqrt() + 1e-8
        parameter.addcdiv_(state["mean"], size, value=-group["lr"] / (1 - b1 ** state["step"]))
