"""The commands that use a model or another program: predict, and watch of a later release."""

from __future__ import annotations

from pathlib import Path

import click

from firstlight.cli.answer import Answer
from firstlight.cli.options import Switches, experiment, later, switches
from firstlight.cli.progress import choose
from firstlight.text import visible


@click.command()
@click.argument("experiment_folder", metavar="EXPERIMENT")
@click.argument("inputs", metavar="IN")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File for the predictions: .csv, .jsonl or .parquet; default predictions.csv.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="network, or a reference that can be used; default: the one that the decision puts first.",
)
@click.option("--follow-links", is_flag=True, help="Read files outside of IN that links in it lead to.")
@switches
@click.pass_obj
def predict(
    obj: Switches,
    /,
    experiment_folder: str,
    inputs: str,
    out: Path | None,
    model: str | None,
    follow_links: bool,
) -> Answer:
    """Use the trained model of EXPERIMENT on IN: a file, a folder, or a table with a column of paths."""
    folder = experiment(experiment_folder)
    from firstlight import predict as predictor

    with choose(quiet=obj.quiet, json=obj.json) as progress:
        written = predictor.predict(folder, inputs, out, progress, model=model, follow_links=follow_links)
    return Answer(
        document={"experiment": str(folder.root), "predictions": str(written)},
        text=f"predictions are in {visible(str(written))}",
    )


watch = later(
    "watch",
    "Run an existing PyTorch script unchanged and diagnose it.",
    "`firstlight explain nan_loss` and the other pages tell how to find the cause by hand",
)
