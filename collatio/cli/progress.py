"""A job's progress as a person sees it: a bar a stage on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from collatio.cli.tally import Tally

LINE_EVERY_S = 3.0


class Progress(Protocol):
    """Show how far a job is, for as long as the context lasts."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """End, leaving the last state on view."""
        ...

    def show(self, tally: Tally) -> None:
        """Show a new state."""
        ...


class Lines:
    """A line at each change of phase, and otherwise no more than one in three seconds."""

    def __init__(self, say: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        self._say = say
        self._monotonic = monotonic
        self._phase = ""
        self._line = ""
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, tally: Tally) -> None:
        """Say a line if it is time for one and it says something new."""
        now, phase = self._monotonic(), tally.phase()
        if phase == self._phase and now < self._next:
            return
        line = tally.line()
        if line == self._line:
            return
        self._phase, self._line, self._next = phase, line, now + LINE_EVERY_S
        self._say(line)


class Bars:
    """A bar for each stage. Colours follow NO_COLOR and the terminal, as rich does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            TextColumn("{task.description:8}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=self._stream),
        )
        self._tasks = {
            each: self._bars.add_task(each, total=None, note="") for each in ("fetch", "extract", "compare")
        }
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, tally: Tally) -> None:
        """Move the bars."""
        found = tally.found if tally.listing_done else None
        failed = f"{tally.failed} failed" if tally.failed else ""
        phase = tally.phase()
        self._move("fetch", tally.fetched, found, phase if phase.startswith("waiting") else "")
        self._move("extract", tally.extracted, found, failed)
        self._move("compare", tally.compared, tally.planned or None, "")

    def _move(self, stage: str, completed: int, total: int | None, note: str) -> None:
        if self._bars is not None:
            self._bars.update(self._tasks[stage], completed=completed, total=total, note=note)
