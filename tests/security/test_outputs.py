"""Text from the data is text in every output, whatever it looks like (H07 to H10, H17)."""

from __future__ import annotations

import csv
from pathlib import Path

import hostile_data
import numpy as np
import outputs
import pytest
from hostile_runs import Hostile
from served import Served

pytestmark = pytest.mark.xdist_group("hostile")
KINDS = ("image", "table", "text")


@pytest.mark.parametrize("kind", KINDS)
class TestARunOnHostileNames:
    def test_ends_as_the_contract_says(self, hostile: dict[str, Hostile], kind: str) -> None:
        assert hostile[kind].run.code in (0, 7)  # 7: so little is learnt in one epoch, and it is said
        assert hostile[kind].run.defects == ()
        assert hostile[kind].predicted.code == 0
        assert hostile[kind].predicted.defects == ()

    def test_prints_nothing_that_a_terminal_obeys(self, hostile: dict[str, Hostile], kind: str) -> None:
        for result in (hostile[kind].run, hostile[kind].predicted):
            assert outputs.console(result.out + result.err) == []

    def test_writes_nothing_that_a_reader_obeys(self, hostile: dict[str, Hostile], kind: str) -> None:
        assert outputs.experiment(hostile[kind].exp, hostile_data.FORGED) == []

    def test_leaves_no_formula_in_the_predictions(self, hostile: dict[str, Hostile], kind: str) -> None:
        assert outputs.spreadsheet(hostile[kind].predictions.read_bytes()) == []

    def test_answers_other_commands_in_the_same_way(
        self, served: Served, hostile: dict[str, Hostile], kind: str
    ) -> None:
        exp = hostile[kind].exp
        for words in (["status", exp], ["status", exp, "--json"], ["compare", exp, exp], ["train", exp]):
            result = served.run(*words)
            assert result.defects == ()
            assert outputs.console(result.out + result.err) == []
            if "--json" in words:
                assert outputs.strict_json(result.out) == []


def test_names_are_kept_as_they_are_where_programs_read_them(hostile: dict[str, Hostile]) -> None:
    with np.load(hostile["table"].exp / "logs" / "predictions_val.npz", allow_pickle=False) as arrays:
        assert set(arrays["classes"].tolist()) == {label.strip() for label in hostile_data.LABELS}
    split = np.load(hostile["image"].exp / "splits.npz", allow_pickle=False)
    assert any(name.startswith("=1+1/") for name in split["train_ids"].tolist())


def test_a_row_is_found_again_in_the_predictions_by_its_name(hostile: dict[str, Hostile]) -> None:
    with hostile["image"].predictions.open(newline="", encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert any(name.startswith("'=1+1/") for name in ids)
    assert len(ids) == len(set(ids)) == 6 * (len(hostile_data.NAMES) + 1)


class TestTheCheckerTurnsRed:
    """Each escaping function of the product taken away in turn."""

    def red(self, served: Served, hostile: dict[str, Hostile], plant: dict[str, str]) -> list[str]:
        exp = hostile["table"].exp
        result = served.run("report", exp, plant=plant)
        found = outputs.experiment(exp, hostile_data.FORGED) + outputs.console(result.out + result.err)
        assert served.run("report", exp).code == 0  # as it was
        assert outputs.experiment(exp, hostile_data.FORGED) == []
        return found

    def test_without_escaping_of_markdown(self, served: Served, hostile: dict[str, Hostile]) -> None:
        found = self.red(served, hostile, {"firstlight.text.markdown": "identity"})
        assert any("HTML" in problem for problem in found)
        assert any("bars" in problem or "cells" in problem for problem in found)
        assert any("link" in problem for problem in found)

    def test_without_escaping_of_control_characters(
        self, served: Served, hostile: dict[str, Hostile]
    ) -> None:
        found = self.red(served, hostile, {"firstlight.report.html.visible": "identity"})
        assert any("report.html: U+" in problem for problem in found)

    def test_without_escaping_of_html(self, served: Served, hostile: dict[str, Hostile]) -> None:
        found = self.red(
            served, hostile, {"jinja2.runtime.escape": "identity", "markupsafe.escape": "identity"}
        )
        assert any("report.html: element" in p or "attribute" in p or "script" in p for p in found)

    def test_without_escaping_of_cells(
        self, served: Served, hostile: dict[str, Hostile], tmp_path: Path
    ) -> None:
        out = served.root / "plain.csv"
        plant = {"firstlight.predictions.csv_cell": "identity"}
        assert (
            served.run("predict", hostile["table"].exp, hostile["table"].data, "--out", out, plant=plant).code
            == 0
        )
        assert any("formula" in problem for problem in outputs.spreadsheet(out.read_bytes()))

    def test_without_escaping_on_the_terminal(self, served: Served, hostile: dict[str, Hostile]) -> None:
        plant = {"firstlight.text.visible": "identity"}
        words = [
            "predict",
            hostile["image"].exp,
            hostile["image"].data / hostile_data.NAMES[0],
            "--out",
            served.root / "p.csv",
        ]
        result = served.run(*words, plant=plant)
        assert any(line.startswith(hostile_data.FORGED) for line in result.err.decode().splitlines())

    @pytest.mark.parametrize(
        "page",
        [
            "<b>x</b>", "a <img src=x>", "[x](https://evil.example)", "![x](https://e.example/x.png)",
            "| a | b |\n|--|--|\n| x | y | z |",
            "see https://evil.example", "a\x1b[31m", "a\u202eb", "www.evil.example",
        ],
    )  # fmt: skip
    def test_on_a_page_by_hand(self, page: str) -> None:
        assert outputs.markdown(page) != []

    def test_on_a_forged_record_a_formula_and_bad_json(self) -> None:
        good = "2026-01-01T00:00:00Z INFO    setup      x\n"
        assert outputs.log(good.encode(), "-") == []
        assert outputs.log(f"{good}{hostile_data.FORGED}\n".encode(), hostile_data.FORGED) != []
        assert outputs.spreadsheet(b"a,b\n=1,2\n") != []
        assert outputs.strict_json(b'{"a": NaN}') != []
