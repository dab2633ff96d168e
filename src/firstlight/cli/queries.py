"""The commands that only read: status, report, compare, explain, schema."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import click

from firstlight.cli.answer import Answer
from firstlight.cli.options import Switches, experiment, switches
from firstlight.errors import UsageError
from firstlight.text import count, interval, number, visible


@click.command()
@click.argument("experiment_folder", metavar="EXPERIMENT")
@switches
def status(experiment_folder: str) -> Answer:
    """Where an experiment stands, what its gates say, and what the next command is."""
    folder = experiment(experiment_folder)
    from firstlight import flow

    document = {**flow.status(folder), "experiment": str(folder.root)}
    return Answer(document=document, text=_status_text(document))


@click.command()
@click.argument("experiment_folder", metavar="EXPERIMENT")
@switches
def report(experiment_folder: str) -> Answer:
    """Write the reports again from the logs alone: no data and no training needed."""
    folder = experiment(experiment_folder)
    from firstlight import flow

    written = [str(path) for path in flow.report(folder)]
    return Answer(
        document={"experiment": str(folder.root), "written": written},
        text="\n".join(f"wrote {visible(path)}" for path in written),
    )


@click.command()
@click.argument("experiment_folders", metavar="EXPERIMENT...", nargs=-1, required=True)
@switches
def compare(experiment_folders: tuple[str, ...]) -> Answer:
    """Experiments side by side, with paired intervals where they share their validation rows."""
    folders = [experiment(path) for path in experiment_folders]
    if len(folders) < 2:
        raise UsageError(
            "one experiment cannot be compared",
            f"only {folders[0].root} was given",
            "give two or more: firstlight compare EXPERIMENT EXPERIMENT",
        )
    from firstlight.report.compare import compare as compare_folders

    text, document = compare_folders(folders)
    return Answer(document=document, text=text)


@click.command()
@click.argument("topic", required=False)
@switches
def explain(topic: str | None) -> Answer:
    """Show a page of the handbook; without TOPIC, list them all."""
    found = pages()
    if topic is None:
        width = max(len(name) for name in found)
        lines = [f"{name:<{width}}  {title(text)}" for name, text in found.items()]
        return Answer(
            document={"topics": [{"name": name, "title": title(text)} for name, text in found.items()]},
            text="\n".join(lines),
        )
    name = page_name(topic, list(found))
    return Answer(
        document={"topic": name, "title": title(found[name]), "text": found[name]},
        text=found[name],
        markdown=not name.endswith(".yaml"),
    )


@click.command()
@switches
@click.pass_obj
def schema(obj: Switches, /) -> Answer:
    """The JSON Schema of training_config.yaml, for editors that complete and check it."""
    import json

    from firstlight.config.json_schema import json_schema

    document = json_schema()
    return Answer(document=document, text=json.dumps(document, indent=1, ensure_ascii=True))


def pages() -> dict[str, str]:
    """Every page that comes with the package: name below handbook/ without `.md` -> its text."""
    from pathlib import Path

    import firstlight.handbook

    root = Path(firstlight.handbook.__file__).parent
    files = sorted(path for path in root.rglob("*") if path.suffix in (".md", ".yaml"))
    return {path.relative_to(root).as_posix().removesuffix(".md"): path.read_text("utf-8") for path in files}


def title(page: str) -> str:
    """The first heading of a page, or its first line that says something."""
    for line in page.splitlines():
        if words := line.strip("# \t"):
            return words
    return ""


def page_name(topic: str, names: list[str]) -> str:
    """The page that a topic means: its name with or without folder and ending, - and _ alike.

    Raises:
        UsageError: No page, or more than one.
    """
    wanted = topic.strip("/").replace("-", "_").lower().removesuffix(".md").removesuffix(".yaml")
    plain = {name: name.lower().removesuffix(".yaml") for name in names}
    found = [name for name in names if plain[name] == wanted] or [
        name for name in names if plain[name].rsplit("/", 1)[-1] == wanted
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError("the topic has more than one page", topic, f"name one of {', '.join(found)}")
    ends = {plain[name].rsplit("/", 1)[-1]: name for name in names}
    near = get_close_matches(wanted, [*plain.values(), *ends], n=1, cutoff=0.5)
    remedy = f"did you mean `firstlight explain {near[0]}`? " if near else ""
    raise UsageError(
        "the handbook has no such page",
        topic,
        f"{remedy}`firstlight explain` lists {count(len(names), 'page')}",
    )


def _status_text(status: dict[str, Any]) -> str:
    lines = [f"{'experiment':<14} {status['experiment']}  ({status['task']})"]
    for name, phase in status["phases"].items():
        gate = phase.get("gate")
        shown = (
            ""
            if gate is None
            else "gate open"
            if gate["open"]
            else "gate shut: " + ", ".join(gate["missing"])
        )
        lines.append(f"{name:<14} {phase['state'].replace('_', ' '):<14} {shown}".rstrip())
    if decision := status.get("decision"):
        lines.append(f"{'decision':<14} {_decision_text(decision)}")
        lines += [f"{'':<14} {reason}" for reason in decision["reasons"]]
    lines.append(f"{'next':<14} {status['next']}")
    return "\n".join(visible(line) for line in lines)


def _decision_text(decision: dict[str, Any]) -> str:
    parts = [decision["verdict"]]
    if decision["value"] is not None:
        between = f" {interval(*decision['interval'])}" if decision["interval"] else ""
        parts.append(f"{decision['metric']} {number(decision['value'])}{between}")
    if decision["target"] is not None:
        parts.append(f"target {number(decision['target'])}")
    if reference := decision["reference"]:
        parts.append(f"best reference {reference['name']} {number(reference['value'])}")
    return ", ".join(parts)
