"""What the person sees while a phase works: a bar on a terminal, timed lines elsewhere, or nothing.

All of it goes to stderr; stdout is for the result. A closed terminal ends the display, not the training.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from firstlight import text
from firstlight.cli.options import STARTED
from firstlight.watch.log import Throttle, advance_line, check_line, epoch_line, mark, speed_line, step_line
from firstlight.watch.progress import Silent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from firstlight.experiment.records import CheckLine, EpochRecord
    from firstlight.watch.progress import Progress

REDRAW_SECONDS = 0.25  # a redraw costs about 2 ms of the training thread, so under 1 % (judgement)
BAR_WIDTH = 24
LEVEL_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "not_applicable": "dim"}


@contextlib.contextmanager
def choose(*, quiet: bool, json: bool) -> Iterator[Progress]:
    """The display that fits: none with --quiet, a bar on a terminal, lines for a file or a program."""
    sink = Sink(sys.stderr)
    if quiet:
        yield Silent()
    elif sys.stderr.isatty() and not json and os.environ.get("TERM", "") not in ("", "dumb"):
        terminal = Terminal(sink)
        try:
            yield terminal
        finally:
            terminal.close()
    else:
        yield Plain(sink)


class Sink:
    """A text stream that turns silent when its reader has gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False
        self.encoding = stream.encoding

    def write(self, content: str) -> int:
        """Writes, unless nobody reads any more."""
        if not self._gone:
            try:
                self._stream.write(content)
            except (OSError, ValueError):  # a broken pipe, a closed terminal, a closed file
                self._gone = True
        return len(content)

    def flush(self) -> None:
        """Flushes, unless nobody reads any more."""
        if not self._gone:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._gone = True

    def isatty(self) -> bool:
        """As the stream below."""
        return not self._gone and self._stream.isatty()

    def fileno(self) -> int:
        """As the stream below; rich asks for it to learn the width."""
        return self._stream.fileno()


class Plain:
    """Lines with the time since the start: no carriage return, no escape code, few lines for a long job."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._throttle = Throttle()

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._line(f"== {name}")

    def note(self, message: str) -> None:
        """A sentence."""
        self._line(message)

    def detail(self, message: str) -> None:
        """Nothing: it stands in the log."""

    def warn(self, message: str) -> None:
        """A warning."""
        self._line(f"warning: {message}")

    def advance(self, what: str, done: int, total: int) -> None:
        """A countable job."""
        if self._throttle.due(what, last=done >= total):
            self._line(advance_line(what, done, total))

    def check(self, line: CheckLine) -> None:
        """A line of the preflight."""
        self._line(check_line(line))

    def step(
        self,
        *,
        epoch: int,
        epochs: int,
        step: int,
        steps: int,
        loss: float,
        examples_per_second: float,
        utilization: float | None,
        finish_seconds: float,
    ) -> None:
        """A line now and then."""
        if self._throttle.due("training"):
            shown = step_line(epoch, epochs, step, steps, loss)
            self._line(f"{shown}, {speed_line(examples_per_second, utilization, finish_seconds)}")

    def epoch(self, record: EpochRecord, *, epochs: int, best: bool, finish_seconds: float) -> None:
        """A line for each epoch."""
        speed = speed_line(record.examples_per_second, record.utilization, finish_seconds)
        self._line(f"{epoch_line(record, epochs, best)}, {speed}")
        self._throttle.due("training")  # the next line of steps waits from here

    def _line(self, message: str) -> None:
        self._sink.write(f"[{_clock(time.monotonic() - STARTED)}] {text.visible(message)}\n")
        self._sink.flush()


class Terminal:
    """A bar that redraws in place, what is finished in lines above it; rich respects NO_COLOR."""

    def __init__(self, sink: Sink) -> None:
        from rich.console import Console

        self._console = Console(file=sink, force_terminal=True, markup=False, highlight=False, emoji=False)  # type: ignore[arg-type]
        self._live: object | None = None
        self._drawn = float("-inf")
        self._metrics = ""

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.close()
        self._line(text.visible(name), "bold")

    def note(self, message: str) -> None:
        """A sentence."""
        self._line(f"  {text.visible(message)}")

    def detail(self, message: str) -> None:
        """Nothing: it stands in the log."""

    def warn(self, message: str) -> None:
        """A warning."""
        self._line(f"  warning: {text.visible(message)}", "yellow")

    def advance(self, what: str, done: int, total: int) -> None:
        """A countable job."""
        if self._is_due(last=done >= total):
            self._draw(text.visible(what), done / max(total, 1), f"{done:,} of {total:,}", "")
        if done >= total:
            self.close()

    def check(self, line: CheckLine) -> None:
        """A line of the preflight, its mark in colour."""
        from rich.text import Text

        self.close()
        shown = text.visible(check_line(line)).removeprefix(mark(line.level))
        self._console.print(Text.assemble("  ", (mark(line.level), LEVEL_STYLES[line.level]), shown))

    def step(
        self,
        *,
        epoch: int,
        epochs: int,
        step: int,
        steps: int,
        loss: float,
        examples_per_second: float,
        utilization: float | None,
        finish_seconds: float,
    ) -> None:
        """The bar moves."""
        if not self._is_due():
            return
        end = time.strftime("%H:%M", time.localtime(time.time() + max(finish_seconds, 0)))
        used = "" if utilization is None else f" · utilization {text.percent(utilization)}"
        left = f"{text.duration(max(finish_seconds, 0))} left, ends {end}"
        detail = (
            f"loss {text.number(loss)}{self._metrics} · {text.number(examples_per_second)} examples/s{used}"
        )
        self._draw(f"epoch {epoch}/{epochs}", step / max(steps, 1), left, detail)

    def epoch(self, record: EpochRecord, *, epochs: int, best: bool, finish_seconds: float) -> None:
        """A line above the bar, which shows the first metric from now on."""
        shown = [f" · {name} {text.number(v)}" for name, v in record.metrics.items() if name != "val_loss"]
        self._metrics = shown[0] if shown else ""
        self._line(f"  {text.visible(epoch_line(record, epochs, best))}")

    def close(self) -> None:
        """Takes the bar away; the lines above stay, and the cursor is back."""
        from rich.live import Live

        if isinstance(self._live, Live):
            self._live.stop()
        self._live = None
        self._drawn = float("-inf")

    def _is_due(self, *, last: bool = False) -> bool:
        now = time.monotonic()
        if not last and now - self._drawn < REDRAW_SECONDS:
            return False
        self._drawn = now
        return True

    def _draw(self, label: str, share: float, right: str, detail: str) -> None:
        from rich.live import Live

        shown = _bar(label, share, right, detail)
        if isinstance(self._live, Live):
            self._live.update(shown, refresh=True)
        else:
            live = Live(shown, console=self._console, auto_refresh=False, transient=True)
            live.start(refresh=True)
            self._live = live

    def _line(self, message: str, style: str = "") -> None:
        from rich.text import Text

        self._console.print(Text(message, style=style))


def _bar(label: str, share: float, right: str, detail: str) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=1.0, completed=min(share, 1.0), width=BAR_WIDTH)
    end = Text(f"{100 * share:3.0f} %  {right}", no_wrap=True, overflow="ellipsis")
    row.add_row(Text(f"  {label}", no_wrap=True), bar, end)
    return Group(row, Text(f"  {detail}", no_wrap=True, overflow="ellipsis")) if detail else row


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
