"""Rows of token ids: read, checked, and put in the order of a run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .events import Stopped

#: A prompt and what is to follow it, both as token ids.
Pair = tuple[list[int], list[int]]

KEYS = {
    "sft": {"id", "group", "prompt", "completion", "weight"},
    "kto": {"id", "group", "prompt", "completion", "weight", "label"},
    "dpo": {"id", "group", "prompt", "chosen", "rejected", "weight"},
}


@dataclass
class Row:
    id: str
    pairs: list[Pair]  # one; of DPO the chosen and the rejected
    weight: float = 1.0
    label: bool = True  # KTO: thumbs up
    reference: list[float] = field(default_factory=list)  # log-probability of each completion before training, in nat

    @property
    def tokens(self) -> int:
        return sum(len(prompt) + len(completion) for prompt, completion in self.pairs)


@dataclass(frozen=True)
class Check:
    """What a row of ids must keep to. `eot` empty: a completion may end anywhere."""

    vocab: int
    max_len: int
    eot: frozenset[int]


def read_rows(path: Path, method: str, check: Check) -> list[Row]:
    """Reads a file of rows. Throws `bad_input` with the line: a row is never cut and never skipped."""
    rows: list[Row] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise Stopped("bad_input", f"{path.name} cannot be read: {cause}") from cause
    for number, line in enumerate(lines, 1):
        try:
            rows.append(_row(line, method, check))
        except ValueError as cause:
            raise Stopped("bad_input", f"{path.name}: {cause}", line=number) from cause
    if not rows:
        raise Stopped("bad_input", f"{path.name} has no rows")
    return rows


def _row(line: str, method: str, check: Check) -> Row:
    raw: Any = json.loads(line)
    if not isinstance(raw, dict):
        raise ValueError("a row is an object")
    unknown = sorted(raw.keys() - KEYS[method])
    if unknown:
        raise ValueError(f"unknown key {unknown[0]}")
    answers = ("chosen", "rejected") if method == "dpo" else ("completion",)
    for key in ("id", "prompt", *answers, *(["label"] if method == "kto" else [])):
        if key not in raw:
            raise ValueError(f"{key} is missing")
    weight = raw.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight <= 100:
        raise ValueError("weight is not a number above 0, at most 100")
    if method == "kto" and not isinstance(raw["label"], bool):
        raise ValueError("label is not true or false")
    prompt = _ids(raw["prompt"], "prompt", check)
    pairs = [(prompt, _ids(raw[key], key, check)) for key in answers]
    for key, (_, completion) in zip(answers, pairs, strict=True):
        if len(prompt) + len(completion) > check.max_len:
            raise ValueError(f"prompt and {key} have {len(prompt) + len(completion)} tokens, more than max_len {check.max_len}")
        if check.eot and completion[-1] not in check.eot:
            raise ValueError(f"{key} does not end in a token that ends a turn")
    return Row(str(raw["id"]), pairs, float(weight), raw.get("label", True))


def _ids(value: Any, key: str, check: Check) -> list[int]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{key} is not a list of token ids, or an empty one")
    if not all(type(each) is int and 0 <= each < check.vocab for each in value):
        raise ValueError(f"{key} holds something that is not a token id of this model (0 to {check.vocab - 1})")
    return value


#: Rows of this many batches are sorted by length before they are cut into batches: less padding, still mixed.
WINDOW = 8


def epoch_batches(rows: list[Row], batch: int, seed: int, epoch: int) -> list[list[Row]]:
    """The batches of one epoch, always the same for the same seed.

    The first of the first epoch is the one with the most tokens, so that a job
    that does not fit in memory fails in its first seconds.
    """
    order = random.Random(seed * 1000 + epoch)
    mixed = order.sample(rows, len(rows))
    windows = [sorted(mixed[i:i + WINDOW * batch], key=lambda row: row.tokens) for i in range(0, len(mixed), WINDOW * batch)]
    batches = [window[i:i + batch] for window in windows for i in range(0, len(window), batch)]
    order.shuffle(batches)
    if epoch == 0:
        largest = max(range(len(batches)), key=lambda i: len(batches[i]) * max(row.tokens for row in batches[i]))
        batches.insert(0, batches.pop(largest))
    return batches


def replay_order(rows: list[Row], seed: int) -> Iterator[Row]:
    """Replay rows without end, each once before any comes again."""
    order = random.Random(seed * 1000 + 999)
    while rows:
        yield from order.sample(rows, len(rows))
