"""What the trainer tells its parent: JSON lines on stdout, and an exit code."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

#: Why a run ended early, and the exit code that says so. 0 is "done", 1 a fault of the trainer itself.
EXIT_CODES = {"bad_input": 2, "bad_base": 3, "diverged": 4, "memory": 5, "disk": 6, "cancelled": 20}


class Stopped(Exception):
    """Ends a run early. `line` is the 1-based line of the rows file that is at fault."""

    def __init__(self, reason: str, why: str, *, line: int | None = None, step: int | None = None):
        super().__init__(why)
        self.reason, self.why, self.line, self.step = reason, why, line, step

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.reason]

    def fields(self) -> dict[str, Any]:
        known = {"reason": self.reason, "why": self.why, "line": self.line, "step": self.step}
        return {key: value for key, value in known.items() if value is not None}


class Events:
    """Writes one JSON object a line to a stream and, once a run has a folder, to its `events.jsonl`."""

    def __init__(self, stream: IO[str] | None = None):
        self._stream = stream
        self._file: IO[str] | None = None

    @classmethod
    def on_stdout(cls) -> Events:
        """Takes stdout for events alone: whatever else a library prints goes to stderr."""
        own = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(own)

    @contextlib.contextmanager
    def kept_in(self, path: Path) -> Iterator[None]:
        with path.open("a", encoding="utf-8") as file:
            self._file = file
            try:
                yield
            finally:
                self._file = None

    def emit(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, **{key: _plain(value) for key, value in fields.items()}}, allow_nan=False)
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
        if self._stream is not None:
            # Whoever listened is gone, and its guard ends this process: what is being written must still become whole.
            with contextlib.suppress(BrokenPipeError):
                self._stream.write(line + "\n")
                self._stream.flush()


def _plain(value: Any) -> Any:
    """JSON knows no NaN and no infinity: they become null. Six digits are enough for a reader."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value
