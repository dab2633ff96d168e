"""Files in the forms that real ones have are read whole, and what was found out is told."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.data.tables.reading import ReadTable, read_table
from firstlight.errors import DataError


def read(folder: Path, text: str | bytes, name: str = "table.csv") -> ReadTable:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path)


def numbers(rows: int) -> str:
    return "".join(f"{n},{n / 7:.3f},{'abc'[n % 3]}\n" for n in range(rows))


class TestDelimiters:
    @pytest.mark.requirement("BT15")
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_are_found(self, tmp_path: Path, delimiter: str) -> None:
        table = read(tmp_path, "a,b,c\n1,2,x\n3,4,y\n".replace(",", delimiter))
        assert table.form.delimiter == delimiter
        assert table.frame.rows() == [("1", "2", "x"), ("3", "4", "y")]

    @pytest.mark.requirement("BT15")
    def test_semicolons_with_a_decimal_comma(self, tmp_path: Path) -> None:
        table = read(tmp_path, "a;b;t\n1,5;2,25;x, y\n-0,5;1.234,5;z\n")
        assert table.frame.rows() == [("1,5", "2,25", "x, y"), ("-0,5", "1.234,5", "z")]
        assert {"a", "b"} <= table.form.commas
        assert "decimal comma" in table.form.sentence()

    def test_decimal_commas_in_every_value_and_no_header(self, tmp_path: Path) -> None:
        table = read(tmp_path, "1,5;2,5;3,1\n2,5;4,5;5,1\n")
        assert table.form.commas == set(table.frame.columns)

    def test_thousands_in_quotes_stay(self, tmp_path: Path) -> None:
        assert read(tmp_path, 'n,p\n1,"1,234"\n2,"5,678"\n').frame["p"].to_list() == ["1,234", "5,678"]

    def test_a_tsv_with_commas_in_its_texts(self, tmp_path: Path) -> None:
        table = read(tmp_path, "text\tlabel\na, b\t1\nc, d\t0\n", "table.tsv")
        assert table.frame.columns == ["text", "label"]

    def test_semicolons_inside_texts_do_not_part_a_comma_file(self, tmp_path: Path) -> None:
        table = read(tmp_path, "text,label\n" + "".join(f"a{n};b,{n}\n" for n in range(20)))
        assert (table.form.delimiter, table.frame.width) == (",", 2)

    def test_excels_hint_is_no_row(self, tmp_path: Path) -> None:
        table = read(tmp_path, "sep=;\r\na;b\r\n1;2\r\n" + "3;4\r\n" * 200 + "5\r\n")
        assert table.frame.columns == ["a", "b"]
        assert table.left_out[0].id == "line 204"

    def test_one_column(self, tmp_path: Path) -> None:
        table = read(tmp_path, "value\n1\n2\n")
        assert (table.form.delimiter, table.frame.rows()) == (None, [("1",), ("2",)])


class TestHeader:
    def test_words_above_numbers(self, tmp_path: Path) -> None:
        assert read(tmp_path, "age,sex\n3,m\n4,f\n").form.header

    def test_adult_has_none_and_blanks_before_its_values(self, tmp_path: Path) -> None:
        table = read(tmp_path, "39, State-gov, 77516, <=50K\n50, ?, 83311, >50K\n\n")
        assert not table.form.header
        assert table.frame.columns == ["column_1", "column_2", "column_3", "column_4"]
        assert table.frame.row(0) == ("39", "State-gov", "77516", "<=50K")
        assert len(table.frame) == 2

    def test_words_only_and_the_first_repeated_below(self, tmp_path: Path) -> None:
        table = read(tmp_path, "ham,see you\nspam,win now\nham,ok\n")
        assert not table.form.header

    def test_words_only_and_none_repeated(self, tmp_path: Path) -> None:
        assert read(tmp_path, "type,text\nham,see you\nspam,win now\n").form.header

    def test_quoted_numbers_are_data(self, tmp_path: Path) -> None:
        assert not read(tmp_path, '"3","Fears for pension"\n"4","The race is on"\n').form.header

    def test_pixels_called_by_their_number(self, tmp_path: Path) -> None:
        table = read(tmp_path, "label,0,1,2,3,4\n7,0,0,9,3,1\n2,1,8,3,3,1\n")
        assert table.frame.columns == ["label", "0", "1", "2", "3", "4"]

    def test_missing_values_in_the_first_row_of_data(self, tmp_path: Path) -> None:
        assert not read(tmp_path, "3,?,gas\n4,164,gas\n5,158,diesel\n").form.header

    def test_a_dirty_word_in_the_first_row_of_data(self, tmp_path: Path) -> None:
        assert not read(tmp_path, "abc,164,2.5\n4,165,2.5\n5,158,3.5\n").form.header

    def test_a_name_that_is_missing(self, tmp_path: Path) -> None:
        assert read(tmp_path, ",a,b\n0,1,2\n1,3,4\n").frame.columns == ["column_1", "a", "b"]

    def test_r_leaves_out_the_name_of_its_row_numbers(self, tmp_path: Path) -> None:
        table = read(tmp_path, '"a","b"\n"1",5,6\n"2",7,8\n')
        assert table.frame.columns == ["row", "a", "b"]
        assert len(table.frame) == 2

    def test_a_title_above_it_is_left_out(self, tmp_path: Path) -> None:
        table = read(tmp_path, "Sales 2020\na,b,c\n1,2,3\n4,5,6\n")
        assert table.frame.columns == ["a", "b", "c"]
        assert [s.id for s in table.left_out] == ["line 1"]

    def test_repeated_in_joined_files(self, tmp_path: Path) -> None:
        table = read(tmp_path, "a,b\n1,x\na,b\n2,y\n")
        assert len(table.frame) == 2
        assert table.notes == ("the header was repeated 1 time between the rows",)

    @pytest.mark.requirement("BT04")
    def test_the_same_name_twice_is_an_error_with_the_names(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="same name") as raised:
            read(tmp_path, "a,b,a\n1,2,3\n4,5,6\n")
        assert raised.value.where.endswith(": a")

    def test_more_names_than_values_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="do not fit"):
            read(tmp_path, "a,b,c,d\n" + "1,2\n" * 30)

    @pytest.mark.requirement("BT09")
    @pytest.mark.parametrize("text", ["a,b,c\n", "a,b,c", "a,b,c\n\n,,\n"])
    def test_alone_is_an_error(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(DataError, match="no rows"):
            read(tmp_path, text)

    def test_one_row_of_numbers_is_a_table(self, tmp_path: Path) -> None:
        assert read(tmp_path, "1,2,3\n").frame.rows() == [("1", "2", "3")]


class TestLines:
    @pytest.mark.requirement("BT08")
    def test_few_that_do_not_fit_are_left_out_with_their_numbers(self, tmp_path: Path) -> None:
        lines = ["n,x,c", *numbers(300).splitlines()]
        lines[150], lines[200] = "1,2", "1,2,3,4,5"
        table = read(tmp_path, "\n".join(lines))
        assert [(s.id, s.reason) for s in table.left_out] == [
            ("line 151", "2 values instead of 3"),
            ("line 201", "5 values instead of 3"),
        ]
        assert len(table.frame) == 298

    @pytest.mark.requirement("BT08")
    def test_many_are_an_error_with_their_numbers(self, tmp_path: Path) -> None:
        lines = ["n,x,c", *numbers(100).splitlines()]
        for place in (10, 20, 30, 40):
            lines[place] += ",more"
        with pytest.raises(DataError, match=r"line 11, 21, 31, 41"):
            read(tmp_path, "\n".join(lines))

    def test_are_counted_with_those_inside_quotes(self, tmp_path: Path) -> None:
        rows = ['"one\ntwo",x'] * 3 + ["a,b,c"] + ["y,z"] * 200
        table = read(tmp_path, "text,label\n" + "\n".join(rows))
        assert [s.id for s in table.left_out] == ["line 8"]
        assert table.frame["text"][0] == "one\ntwo"

    def test_a_stray_quote_does_not_swallow_the_rest(self, tmp_path: Path) -> None:
        rows = [f"{n},size {n}" for n in range(300)]
        rows[50] = '50,"5 inch'
        table = read(tmp_path, "n,text\n" + "\n".join(rows))
        assert len(table.frame) == 300

    def test_quotes_inside_a_value(self, tmp_path: Path) -> None:
        assert read(tmp_path, 'n,text\n1,a 5" pipe\n2,b\n').frame["text"][0] == 'a 5" pipe'

    def test_quotes_after_a_blank(self, tmp_path: Path) -> None:
        assert read(tmp_path, 'n, text\n1, "x, y"\n2, z\n').frame["text"].to_list() == ["x, y", "z"]

    def test_windows_ends_and_blank_lines(self, tmp_path: Path) -> None:
        table = read(tmp_path, "a,b\r\n1,x\r\n\r\n2,y\r\n\r\n")
        assert table.frame.rows() == [("1", "x"), ("2", "y")]

    def test_empty_columns_at_the_end_are_left_out(self, tmp_path: Path) -> None:
        table = read(tmp_path, "ham,ok,,,\r\nspam,win,,,\r\nham,yes,,,\r\n")
        assert table.frame.width == 2
        assert table.notes == ("3 empty columns without a name at the end left out",)

    def test_a_delimiter_at_the_end_of_every_row_only(self, tmp_path: Path) -> None:
        table = read(tmp_path, "a,b\n1,2,\n3,4,\n5,6,\n")
        assert table.frame.rows() == [("1", "2"), ("3", "4"), ("5", "6")]

    def test_blanks_are_missing(self, tmp_path: Path) -> None:
        assert read(tmp_path, 'a,b\n1, \n"",x\n').frame.rows() == [("1", None), (None, "x")]

    def test_a_large_value_is_read(self, tmp_path: Path) -> None:
        table = read(tmp_path, 'n,text\n1,"' + "word, " * 100_000 + '"\n2,b\n')
        assert len(table.frame["text"][0]) == 599_999

    def test_ten_thousand_columns(self, tmp_path: Path) -> None:
        names, row = ",".join(f"c{n}" for n in range(10_000)), ",".join(["1"] * 10_000)
        assert read(tmp_path, f"{names}\n{row}\n{row}\n").frame.shape == (2, 10_000)

    def test_a_formula_stays_text(self, tmp_path: Path) -> None:
        assert read(tmp_path, "a,b\n1,=1+2\n2,x\n").frame["b"][0] == "=1+2"


class TestOtherFormats:
    def test_parquet_keeps_its_types(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"n": [1, None], "x": [0.5, float("nan")], "t": [" a", ""], "l": [[1], [2, 3]]})
        frame.write_parquet(tmp_path / "t.parquet")
        table = read_table(tmp_path / "t.parquet")
        assert table.frame.rows() == [(1, 0.5, "a", "[1]"), (None, None, None, "[2, 3]")]
        assert table.notes == ("lists and objects were kept as JSON text: l",)
        assert table.form.sentence() == "2 rows, 4 columns: Parquet"

    @pytest.mark.requirement("BT12")
    def test_parquet_cut_at_the_end(self, tmp_path: Path) -> None:
        pl.DataFrame({"n": list(range(1000))}).write_parquet(tmp_path / "t.parquet")
        whole = (tmp_path / "t.parquet").read_bytes()
        for kept in (len(whole) - 6, len(whole) // 2, 8):
            with pytest.raises(DataError, match="damaged"):
                read(tmp_path, whole[:kept], "cut.parquet")

    def test_a_panic_of_the_reader_is_a_damaged_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def panic(*_: object, **__: object) -> None:
            raise pl.exceptions.PanicException("left: 500")

        monkeypatch.setattr(pl, "read_parquet", panic)
        with pytest.raises(DataError, match="damaged"):
            read(tmp_path, b"PAR1", "t.parquet")

    @pytest.mark.requirement("BT12")
    @pytest.mark.parametrize("raw", [b"PAR2xxxx", b"a,b\n1,2\n", b"\0\0\0\0"])
    def test_parquet_in_name_only(self, tmp_path: Path, raw: bytes) -> None:
        with pytest.raises(DataError, match="no Parquet"):
            read(tmp_path, raw, "t.parquet")

    def test_parquet_called_csv_is_read(self, tmp_path: Path) -> None:
        pl.DataFrame({"n": [1, 2]}).write_parquet(tmp_path / "t.csv")
        assert read_table(tmp_path / "t.csv").form.format == "parquet"

    @pytest.mark.parametrize(
        ("start", "what"), [(b"PK\x03\x04", "Excel"), (b"<!doctype html>", "web page"), (b"%PDF-1.4", "PDF")]
    )
    def test_what_people_name_by_mistake(self, tmp_path: Path, start: bytes, what: str) -> None:
        with pytest.raises(DataError, match=what):
            read(tmp_path, start + b"\n...")

    def test_gzip(self, tmp_path: Path) -> None:
        table = read(tmp_path, gzip.compress(b"a\tb\n1\tx\n2\ty\n"), "t.tsv.gz")
        assert table.frame.rows() == [("1", "x"), ("2", "y")]
        assert table.form.sentence().endswith("gzip")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="cannot be read"):
            read_table(tmp_path / "none.csv")

    def test_the_fingerprint_is_of_the_bytes(self, tmp_path: Path) -> None:
        first = read(tmp_path, "a,b\n1,2\n", "one.csv")
        assert first.fingerprint == read(tmp_path, "a,b\n1,2\n", "two.csv").fingerprint
        assert first.fingerprint != read(tmp_path, "a,b\n1,3\n", "three.csv").fingerprint


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=("Cs", "Cc", "Zs")), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL, st.integers(-999, 999)), min_size=3, max_size=20),
    delimiter=st.sampled_from(",;\t|"),
)
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]], delimiter: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(["first name", "second name", "amount"])
    writer.writerows(rows)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_text(out.getvalue(), "utf-8")
    table = read_table(path)
    assert table.frame.columns == ["first name", "second name", "amount"]
    assert table.frame.rows() == [(a.strip() or None, b.strip() or None, str(n)) for a, b, n in rows]


@settings(max_examples=60, deadline=None)
@given(raw=st.text(alphabet="ab1,;\t|\"'\n\r \0é.-", min_size=1, max_size=120))
def test_any_text_is_a_table_or_bad_data(tmp_path_factory: pytest.TempPathFactory, raw: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any_text.csv"
    path.write_bytes(raw.encode())
    with contextlib.suppress(DataError):
        assert len(read_table(path).frame) > 0


def test_the_way_of_reading_does_not_change_the_rows(tmp_path: Path) -> None:
    """Polars reads regular quotes, Python's csv module all others: one quote more must not change the rest."""
    rng = random.Random(0)
    rows = [f'{n},"a, {rng.random():.3f}",{rng.choice("xyz")}' for n in range(500)]
    regular = read(tmp_path, "n,t,c\n" + "\n".join(rows))
    odd = read(tmp_path, "n,t,c\n" + "\n".join([*rows, '500,5" pipe,x']), "odd.csv")
    assert odd.frame.head(500).equals(regular.frame)
    assert odd.frame.row(500) == ("500", '5" pipe', "x")
