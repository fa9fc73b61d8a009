"""How a run is doing: what it reports after each step, and whether it has to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import transformers

from . import base as bases
from .events import Events, Stopped
from .job import Job
from .schedule import Schedule


class Watch:
    """When a run has to end early: asked to by a signal, out of time, or out of memory."""

    def __init__(self, job: Job, asked: Callable[[], bool]):
        self._limits, self._asked, self._since = job.limits, asked, time.monotonic()

    def why(self) -> Stopped | None:
        if self._asked():
            return Stopped("cancelled", "asked to stop")
        if self._limits.seconds is not None and time.monotonic() - self._since > self._limits.seconds:
            return Stopped("cancelled", f"the time limit of {self._limits.seconds:g} s has passed")
        if self._limits.rss_mb is not None and (used := bases.rss_mb()) > self._limits.rss_mb:
            return Stopped("memory", f"{used} MiB in use, {self._limits.rss_mb} allowed")
        return None

    def check(self) -> None:
        if (stopped := self.why()) is not None:
            raise stopped


class Narrator(transformers.TrainerCallback):
    """Reports each step, and ends the run when the watch says so or no epoch gets better any more."""

    def __init__(self, events: Events, schedule: Schedule, watch: Watch, patience: int, valid_cost: float):
        self._events, self._schedule, self._watch = events, schedule, watch
        self._patience, self._valid_cost = patience, valid_cost
        self._times: list[tuple[float, int]] = []
        self.measured: dict[str, float] = {}
        self.stopped: Stopped | None = None
        self.initial: float | None = None
        self.peak_mb = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._times = [(time.monotonic(), state.global_step)]

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step, costs = state.global_step, self._schedule.costs
        # Of the last ten steps: a machine that is shared changes its pace.
        self._times = [*self._times[-10:], (time.monotonic(), step)]
        (since, first), (now, _step) = self._times[0], self._times[-1]
        pace = sum(costs[first:step]) / max(now - since, 1e-9)
        validations = (len(costs) - step) / self._schedule.per_epoch
        used = bases.rss_mb()
        self.peak_mb = max(self.peak_mb, used)
        eta = (sum(costs[step:]) + validations * self._valid_cost) / pace
        self._events.emit("step", step=step, of=len(costs), epoch=step / self._schedule.per_epoch, **self.measured, tok_s=pace, eta_s=eta, rss_mb=used)
        self.stopped = self._watch.why()
        if self.stopped is not None:
            self.stopped.step = step
            control.should_save = control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:
        epoch = state.global_step // self._schedule.per_epoch
        best = all(before is None or metrics["eval_loss"] < before for before in (state.best_metric, self.initial))
        self._events.emit("valid", epoch=epoch, step=state.global_step, loss=metrics["eval_loss"], best=best)
        # A validation takes its time and is not part of the pace of the steps.
        self._times = [(time.monotonic(), state.global_step)]
        if not best and self.stale(state) and not control.should_training_stop:
            self._events.emit("early_stop", epoch=epoch)
            control.should_training_stop = True

    def stale(self, state: Any) -> bool:
        """Whether the last epochs, as many as patience allows, brought no better validation loss."""
        since = state.global_step - (state.best_global_step or 0)
        return state.best_global_step is not None and since >= self._patience * self._schedule.per_epoch
