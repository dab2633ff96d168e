"""The update rule of a run, from its config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from firstlight.config.schema import Config

# With Muon the weights that it does not take (biases, the head) follow AdamW at this share of its rate;
# measured on CIFAR-10.
REST_SHARE = 0.2
REST_BETAS = (0.9, 0.95)


class Pair:
    """Muon for the convolutions and AdamW for the rest, stepped together and saved together."""

    def __init__(self, muon: torch.optim.Optimizer, rest: torch.optim.Optimizer) -> None:
        self.muon = muon
        self.rest = rest

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both, Muon's first."""
        return [*self.muon.param_groups, *self.rest.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of both."""
        self.muon.zero_grad(set_to_none)
        self.rest.zero_grad(set_to_none)

    def step(self) -> None:
        """Updates all parameters."""
        self.muon.step()
        self.rest.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of both."""
        return {"muon": self.muon.state_dict(), "rest": self.rest.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The reverse of `state_dict`."""
        self.muon.load_state_dict(state["muon"])
        self.rest.load_state_dict(state["rest"])


Optimizer = torch.optim.Optimizer | Pair


def make_optimizer(model: nn.Module, config: Config) -> Optimizer:
    """A fresh optimizer over the trainable parameters of `model`.

    Weight decay is applied to weights of two or more axes only, as is usual: biases and normalisation have no
    scale to keep small.
    """
    from firstlight.training.muon import Muon

    settings, rate = config.optimizer, config.training.learning_rate
    trainable = [p for p in model.parameters() if p.requires_grad]
    if settings.name == "muon":
        filters = [p for p in trainable if p.ndim == 4]  # convolutions; each is followed by a normalisation
        chosen = {id(p) for p in filters}
        rest = _groups([p for p in trainable if id(p) not in chosen], settings.weight_decay, share=REST_SHARE)
        return Pair(
            Muon(filters, lr=rate, momentum=settings.momentum),
            torch.optim.AdamW(rest, lr=rate * REST_SHARE, betas=REST_BETAS, fused=True),
        )
    groups = _groups(trainable, settings.weight_decay)
    if settings.name == "sgd":
        nesterov = settings.momentum > 0
        return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, nesterov=nesterov, fused=True)
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def _groups(parameters: list[nn.Parameter], decay: float, share: float = 1.0) -> list[dict[str, Any]]:
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay, "rate_share": share},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, "rate_share": share},
    ]
    return [g for g in groups if g["params"]]
