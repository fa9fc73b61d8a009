"""The steps of a run, one flat list of them: resuming is skipping steps."""

from __future__ import annotations

from typing import Any

import torch

from .job import Job
from .losses import Objective
from .rows import Row, epoch_batches, replay_order

#: A step's tokens are counted as the time they take: a replay row goes through the model three times.
REPLAY_COST = 3


class Schedule(torch.utils.data.Dataset):
    """The steps of a run: their rows, and the replay rows beside them."""

    def __init__(self, job: Job, rows: dict[str, list[Row]], epochs: int, objective: Objective):
        replay = replay_order(rows["replay"], job.hyper.seed)
        batches = [each for epoch in range(epochs) for each in epoch_batches(rows["train"], job.hyper.batch, job.hyper.seed, epoch)]
        count = job.hyper.replay_batch if rows["replay"] and job.hyper.kl > 0 else 0
        self.steps = [(batch, [next(replay) for _ in range(count)]) for batch in batches]
        self.per_epoch = len(self.steps) // epochs
        self.costs = [sum(row.tokens for row in batch) + REPLAY_COST * sum(row.tokens for row in again) for batch, again in self.steps]
        self._objective = objective

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, step: int) -> dict[str, Any]:
        return self._objective.collate(*self.steps[step])
