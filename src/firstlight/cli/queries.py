"""The commands that only read: status, report, compare, explain, schema."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

import firstlight.handbook
from firstlight.cli.answer import Answer
from firstlight.cli.options import Switches, experiment, switches
from firstlight.errors import UsageError
from firstlight.text import count, interval, number, visible

_HANDBOOK = Path(firstlight.handbook.__file__).parent
TEMPLATE = "configs/baseline_template.yaml"  # not a file of the handbook: made from the config's schema
TEMPLATE_TITLE = "Every setting of training_config.yaml, commented, with its default"


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
    names = page_names()
    if topic is None:
        titles = {name: title(page(name)) if name != TEMPLATE else TEMPLATE_TITLE for name in names}
        width = max(map(len, names))
        return Answer(
            document={"topics": [{"name": name, "title": shown} for name, shown in titles.items()]},
            text="\n".join(f"{name:<{width}}  {shown}" for name, shown in titles.items()),
        )
    name = find_page(topic, names)
    text = page(name)
    return Answer(
        document={"topic": name, "title": TEMPLATE_TITLE if name == TEMPLATE else title(text), "text": text},
        text=text,
        markdown=name != TEMPLATE,
    )


@click.command()
@switches
@click.pass_obj
def schema(obj: Switches, /) -> Answer:
    """The JSON Schema of training_config.yaml, for editors that complete and check it."""
    import json

    from firstlight.config.keys import json_schema

    document = json_schema()
    return Answer(document=document, text=json.dumps(document, indent=1, ensure_ascii=True))


def page_names() -> list[str]:
    """Every page: the Markdown files of the handbook by their path without `.md`, and the config template."""
    files = (path.relative_to(_HANDBOOK).with_suffix("").as_posix() for path in _HANDBOOK.rglob("*.md"))
    return sorted([*files, TEMPLATE])


def page(name: str) -> str:
    """The text of a page that `page_names` lists."""
    if name == TEMPLATE:
        from firstlight.config.write import baseline_template

        return baseline_template()
    return (_HANDBOOK / f"{name}.md").read_text("utf-8")


def title(text: str) -> str:
    """The first heading of a page, or its first line that says something."""
    for line in text.splitlines():
        if words := line.strip("# \t"):
            return words
    return ""


def find_page(topic: str, names: list[str]) -> str:
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
