"""`Observers`: who is told of runs."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from confect_server.log import Lines, LogLine
from confect_server.observe.logs import tell_line
from confect_server.observe.run_record import Observer, RunRecord, Tracer


class Observers:
    """Who is told of every run; telling nobody costs a run 1 µs of 36, the record included."""

    def __init__(self) -> None:
        self.everybody: tuple[Observer, ...] = ()
        """Whoever is told; mostly nobody, who is not to cost a run anything."""
        self.tracer: Tracer | None = None
        """Who is told when runs begin."""
        self._listeners: tuple[Callable[[LogLine], None], ...] = (tell_line,)

    def __bool__(self) -> bool:
        return bool(self.everybody)

    def add(self, *observers: Observer) -> None:
        """Tell more of them of every run that has ended."""
        self.everybody = (*self.everybody, *observers)

    def trace(self, tracer: Tracer) -> None:
        """Tell one when runs begin, too."""
        self.tracer = tracer
        self.add(tracer)

    def listen(self, listener: Callable[[LogLine], None]) -> None:
        """Tell one more, besides the log, of every line that functions say."""
        self._listeners = (*self._listeners, listener)

    def lines_told_at_once(self, record: RunRecord) -> Lines:
        """For what a run says that may go on for long, and perhaps in a thread."""
        request_id = record.request_id  # drawn here: two threads could draw two

        def heard(line: LogLine) -> None:
            self._heard(line, request_id)

        record.lines = Lines(heard)
        return record.lines

    def tell_lines(self, record: RunRecord) -> None:
        """Tell what a run has said, unless that was told before."""
        if record.lines is not None:
            record.lines.tell(lambda line: self._heard(line, record.request_id))

    def begun(self, record: RunRecord) -> RunRecord:
        """Say that a run begins."""
        if self.tracer is not None:
            self.tracer.began(record)
        return record

    def ended(self, record: RunRecord) -> None:
        """Say that it has ended, and how long it took."""
        if record.lines is not None and record.lines.said():
            self.tell_lines(record)
        if self.everybody:
            record.duration_s = monotonic() - record.began_s
            for each in self.everybody:
                each.ended(record)

    def _heard(self, line: LogLine, request_id: str) -> None:
        line.request_id = request_id
        for each in self._listeners:
            each(line)
