"""What may occur in the outputs, whatever the data is called: a checker that shares no code with the product."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import struct
import unicodedata
import zlib
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "p", "h1", "h2", "h3", "strong", "span",
    "dl", "div", "dt", "dd", "ul", "li", "code", "nav", "a", "main", "section", "table", "thead", "tbody",
    "tr", "th", "td", "figure", "img", "noscript", "footer", "script",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "scope", "tabindex", "aria-label",
    "alt", "src", "href", "type",
}  # fmt: skip
VOID = {"meta", "img"}
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO   |WARNING|ERROR  ) \S+ ")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
CHECKED = {".md", ".html", ".csv", ".json", ".png", ".log", ".yaml", ".patch"}
PROGRAMS_READ = {".pt", ".npz", ".npy", ".lock", ""}
FILE_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,80}")


def unseen_characters(text: str) -> list[str]:
    """Characters that are not plainly seen: controls, bidi marks, zero width, lone halves, line separators."""
    return [
        f"U+{ord(c):04X} in {text[max(0, i - 20) : i + 20]!r}"
        for i, c in enumerate(text)
        if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    ]


def console(content: bytes) -> list[str]:
    """Wrong in what was printed."""
    try:
        return unseen_characters(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return [f"not UTF-8: {error}"]


def log(content: bytes, forged: str) -> list[str]:
    """Wrong in a log: a line that is no record, a control character, or a record that a name began."""
    lines = content.decode("utf-8").removesuffix("\n").split("\n")
    found = [f"no record: {line[:80]!r}" for line in lines if not LOG_LINE.match(line)]
    found += [f"forged: {line[:80]!r}" for line in lines if line.startswith(forged)]
    return found + unseen_characters(content.decode("utf-8"))


def markdown(text: str) -> list[str]:
    """Wrong in a page: raw HTML, a link or picture that is not ours, a table whose rows differ."""
    found = unseen_characters(text)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for token in parser.parse(text):
        if token.type == "html_block":
            found.append(f"HTML: {token.content[:60]!r}")
        found += [problem for inner in token.children or () for problem in _inner(inner)]
    outside_code = "\n".join(line for line in text.split("\n") if not line.startswith("    "))
    found += [
        f"becomes a link on GitHub: {m[0]!r}"
        for m in re.finditer(r"(?i)\bhttps?://\S*|\bwww\.\S*", outside_code)
    ]
    return found + _broken_rows(outside_code)


def _inner(token: Token) -> list[str]:
    """Wrong in a piece of a line."""
    if token.type == "html_inline":
        return [f"HTML: {token.content[:60]!r}"]
    if token.type == "link_open" and token.attrs.get("href") != "report.html":
        return [f"link to {token.attrs.get('href')!r}"]
    if token.type == "image" and not re.fullmatch(r"plots/\w+\.png", str(token.attrs.get("src"))):
        return [f"picture {token.attrs.get('src')!r}"]
    return []


def _broken_rows(text: str) -> list[str]:
    """Rows of a table by their own bars, since a parser fills up and cuts off silently."""
    found, width = [], 0
    for line in text.split("\n"):
        if not line.startswith("|"):
            width = 0
            continue
        bars = len(re.findall(r"(?<!\\)\|", line))
        found += (
            [f"a row with {bars} bars under one with {width}: {line[:60]!r}"]
            if width and bars != width
            else []
        )
        width = width or bars
    return found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.open: list[str] = []
        self.policy = ""
        self.code: dict[str, list[str]] = {"script": [], "style": [], "json": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ELEMENTS:
            self.found.append(f"element <{tag}>")
        self.found += [f"attribute {name} of <{tag}>" for name in given if name not in ATTRIBUTES]
        if "src" in given and (tag != "img" or not str(given["src"]).startswith("data:image/png;base64,")):
            self.found.append(f"src {str(given['src'])[:60]!r}")
        if "href" in given and not re.fullmatch(r"#\w+", str(given["href"])):
            self.found.append(f"href {given['href']!r}")
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])
        if tag not in VOID:
            self.open.append("json" if given.get("type") == "application/json" else tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() not in (tag, "json"):
            self.found.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        place = self.open[-1] if self.open else ""
        if place in self.code:
            self.code[place].append(data)
        else:
            self.found += unseen_characters(data)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data[:60]!r}")


def html(text: str) -> list[str]:
    """Wrong in a page: an element, attribute or address that is not on the short lists, a script of anyone else."""
    page = _Page()
    page.feed(text)
    page.close()
    found = [*page.found, *(f"<{tag}> stays open" for tag in page.open)]
    for kind in ("script", "style"):
        for code in page.code[kind]:
            digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
            if f"{kind}-src 'sha256-{digest}'" not in page.policy:
                found.append(f"a {kind} that the policy does not name")
    if (
        len(page.code["script"]) != 1
        or len(page.code["json"]) != 1
        or "default-src 'none'" not in page.policy
    ):
        found.append("not one script, one block of figures and a policy")
    else:
        json.loads(page.code["json"][0], parse_constant=lambda name: found.append(f"JSON has {name}"))
    return found


def spreadsheet(content: bytes) -> list[str]:
    """Wrong in a CSV: a cell that a spreadsheet runs, or a control character."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    cells = [cell for row in rows for cell in row]
    found = [
        f"formula {c[:40]!r}" for c in cells if c.lstrip(" ").startswith(FORMULA) and not NUMBER.fullmatch(c)
    ]
    found += (
        [f"rows of {sorted({len(row) for row in rows})} cells"] if len({len(row) for row in rows}) > 1 else []
    )
    return found + [problem for cell in cells for problem in unseen_characters(cell)]


def strict_json(content: bytes) -> list[str]:
    """Wrong in a JSON document."""
    found: list[str] = []
    try:
        json.loads(content.decode("utf-8"), parse_constant=lambda name: found.append(f"the bare word {name}"))
    except ValueError as error:
        found.append(str(error))
    return found


def picture(content: bytes) -> list[str]:
    """Wrong in a PNG: its chunks do not add up, or it carries text beside that of the drawing program."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return ["no PNG"]
    found, at = [], 8
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + size]
        if zlib.crc32(kind + body) != struct.unpack(">I", content[at + 8 + size : at + 12 + size])[0]:
            found.append(f"chunk {kind!r} is damaged")
        if kind in (b"tEXt", b"iTXt", b"zTXt") and not body.startswith(b"Software\0Matplotlib"):
            found.append(f"text {body[:40]!r}")
        at += 12 + size
    return found


def experiment(root: Path, forged: str) -> list[str]:
    """Wrong in any file of an experiment, or in its name."""
    found = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not all(FILE_NAME.fullmatch(part) for part in path.relative_to(root).parts):
            found.append(f"file name {name!r}")
        if not path.is_file():
            continue
        content = path.read_bytes()
        wrong = {
            ".md": lambda c: markdown(c.decode("utf-8")),
            ".html": lambda c: html(c.decode("utf-8")),
            ".csv": spreadsheet,
            ".json": strict_json,
            ".png": picture,
            ".log": lambda c: log(c, forged),
            ".yaml": lambda c: unseen_characters(c.decode("utf-8")),
            ".patch": lambda c: unseen_characters(c.decode("utf-8")),
        }.get(path.suffix, lambda c: [])(content)
        found += [f"{name}: {problem}" for problem in wrong]
        if path.suffix not in CHECKED | PROGRAMS_READ:
            found.append(f"{name}: a kind of file that nobody checks")
    return found
