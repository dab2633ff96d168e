"""A person's own data sets, read by index where they are, for the person's own model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from firstlight.errors import UsageError
from firstlight.kinds.kind import Dataset, Kind, Pipeline, Unseen, only
from firstlight.models.model import OwnShape
from firstlight.own.batches import OwnBatches
from firstlight.own.objective import own_objective
from firstlight.own.optimizer import own_optimizer
from firstlight.own.profile import profile
from firstlight.own.read import Own, read_rest
from firstlight.own.schedule import own_schedule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Config
    from firstlight.data.examples import Examples, Split
    from firstlight.machine.choices import Machine
    from firstlight.tasks.task import Goal, Objective
    from firstlight.watch.progress import Progress

READ_AGAIN = 0  # seed of items that are read for their target alone


def _pipeline(config: Config, data: Dataset, outputs: int, machine: Machine) -> Pipeline:
    import torch

    own: Own = data.fitted

    def batches(rows: NDArray[np.int64]) -> OwnBatches:
        items = own.items_of_row(int(rows[0]))
        return OwnBatches(
            items=items,
            first=own.first_row(items),
            rows=torch.from_numpy(rows),
            size=config.training.batch_size,
            seed=config.seed,
            device=machine.device,
            workers=config.parallel.workers or 0,
            whole=own.given.step is not None,
        )

    train = batches(data.split.train)
    rate = config.training.learning_rate

    return Pipeline(
        train=train,
        val=batches(data.split.val),
        shape=OwnShape(
            model=own.given.model,
            step=own.given.step,
            outputs=outputs,
            batch_size=own.items[0].batch_size,
            learning_rate=own.given.learning_rate,
            workers=own.items[0].workers,
            schedule=own.given.schedule is not None,
        ),
        views=only,
        meta={"origin": own.given.origin},
        optimizer=own_optimizer(own.given.optimizer) if own.given.optimizer is not None else None,
        schedule=own_schedule(own.given.schedule, rate, config.training.epochs, len(train))
        if own.given.schedule is not None
        else None,
    )


def _fit(examples: Examples, split: Split) -> Own:
    assert isinstance(examples.content, Own)
    read_rest(examples, split.val, seed=READ_AGAIN)  # what is judged is known whole, whatever the time
    return examples.content


def _objective(task: Objective, data: Dataset) -> Objective:
    rows = data.known(data.split.train)
    return own_objective(task, data.examples.task, data.fitted.given, data.examples.targets[rows])


def _goal(goal: Goal, data: Dataset) -> Goal:
    """With how often each class occurs, where a row has many."""
    own: Own = data.fitted
    if own.counts is None:
        return goal
    width = len(goal.classes) or own.counts.width
    return replace(goal, counts=own.counts.total(data.split.train, width), shifted=own.shifted)


def _shape(meta: Mapping[str, Any], outputs: int) -> OwnShape:
    raise UsageError(
        "the model of this experiment was given from Python",
        f"origin {meta['origin']}",
        "load it there: fl.load(EXPERIMENT, model)",
    )


def _unseen(
    meta: Mapping[str, Any], source: str, machine: Machine, progress: Progress, follow_links: bool
) -> Unseen:
    raise UsageError(
        "the data of this experiment were given from Python",
        f"origin {meta['origin']}",
        "predict there: fl.load(EXPERIMENT, model).predict(data)",
    )


KIND = Kind(
    name="own",
    noun="item",
    profile=lambda data: profile(data.examples, data.split),
    fit=_fit,
    pipeline=_pipeline,
    shape=_shape,
    views=lambda meta: only,
    unseen=_unseen,
    goal=_goal,
    objective=_objective,
    known=lambda data, rows: rows[data.fitted.read[rows]],
)
