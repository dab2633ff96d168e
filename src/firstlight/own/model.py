"""A person's model as the loop calls it: inputs of a batch -> one tensor of outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from firstlight.errors import UsageError
from firstlight.own.form import OwnInputs, described
from firstlight.own.place import defined_at, raised_at, tell

OUTPUT_FIELDS = ("logits", "outputs", "output", "predictions", "prediction", "out")  # in this order


class Adapted(nn.Module):
    """Calls a person's module with what a batch holds; its weights keep the person's names.

    Args:
        module: The person's.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: OwnInputs) -> torch.Tensor:
        """Inputs of a batch -> outputs (batch, ...).

        Raises:
            UsageError: The module raises, or its answer is no tensor; the line of the person's code is told.
        """
        try:
            answer = inputs.call(self.module)
        except Exception as error:
            tell(
                error,
                "the model raises an error",
                thing=self.module,
                called_with=inputs.form(),
                remedy="correct the model, or what the data set gives to it",
            )
        return one_tensor(answer, self.module)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Of the person's module, under its own names."""
        return self.module.state_dict(*args, **kwargs)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Into the person's module."""
        return self.module.load_state_dict(state_dict, strict=strict, assign=assign)


def one_tensor(answer: Any, module: nn.Module) -> torch.Tensor:
    """The outputs in what a model returned.

    Raises:
        UsageError: Several values, none of which is called the outputs.
    """
    if isinstance(answer, torch.Tensor):
        return answer
    fields = answer if isinstance(answer, Mapping) else getattr(answer, "__dict__", {})
    for name in OUTPUT_FIELDS:
        if isinstance(fields.get(name), torch.Tensor):
            outputs: torch.Tensor = fields[name]
            return outputs
    raise UsageError(
        "the model does not return one tensor",
        f"{defined_at(module)} returns {described(answer)}",
        f"return the outputs alone, or a mapping with one of {', '.join(OUTPUT_FIELDS)}",
    )


def fresh(given: nn.Module | Callable[[], nn.Module]) -> Adapted:
    """A new model: a copy of the module that was given, or what the function makes.

    Raises:
        UsageError: The module cannot be copied, or the function raises or makes no module.
    """
    try:
        module = copy.deepcopy(given) if isinstance(given, nn.Module) else given()
    except Exception as error:
        how = "be copied" if isinstance(given, nn.Module) else "be made"
        raise UsageError(
            f"the model cannot {how}",
            f"{defined_at(given)}: {raised_at(error)}",
            "give a function that makes the model, such as lambda: Net(10)",
        ) from error
    if isinstance(module, nn.Module):
        _refuse_meta(module)
    else:
        raise UsageError(
            "what was given as a model makes no torch module",
            f"{defined_at(given)} gives {described(module)}",
            "give an nn.Module, or a function that returns one",
        )
    return Adapted(module)


def _refuse_meta(module: nn.Module) -> None:
    """A model of shapes without numbers, as `torch.device("meta")` makes it."""
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if value.is_meta:
            raise UsageError(
                "the model has no weights, it is on the device meta",
                f"{defined_at(module)}: {name} is {described(value)}",
                "make it on the processor, or load its weights first; the device is chosen here",
            )
