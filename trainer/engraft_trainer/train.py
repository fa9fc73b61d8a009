"""One training run: rows in, an adapter out.

The schedule of a run is one flat list of steps, so that resuming is skipping
steps. `transformers.Trainer` steps, saves and resumes; what a step computes,
when the run ends and what it says is here. Nothing draws from a global random
generator after the adapter's first weights, so a resumed run has the same bits.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from safetensors.torch import load_file

from . import base as bases
from .events import Events, Stopped
from .folders import refuse_unsafe, sha256_of, write_atomically
from .gguf_lora import Lineage, convert, leaf_names, save_peft
from .job import Job, epochs_for, files_of, read_job
from .losses import Objective, references, thumbs_weights
from .rows import Check, Row, epoch_batches, read_rows, replay_order

#: A step's tokens are counted as the time they take: a replay row goes through the model three times.
REPLAY_COST = 3
#: Validating takes a third of training: there is no backward pass.
VALID_COST = 1 / 3


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
        self._events.emit("valid", epoch=epoch, loss=metrics["eval_loss"], best=best)
        # A validation takes its time and is not part of the pace of the steps.
        self._times = [(time.monotonic(), state.global_step)]
        if not best and self.stale(state) and not control.should_training_stop:
            self._events.emit("early_stop", epoch=epoch)
            control.should_training_stop = True

    def stale(self, state: Any) -> bool:
        """Whether the last epochs, as many as patience allows, brought no better validation loss."""
        since = state.global_step - (state.best_global_step or 0)
        return state.best_global_step is not None and since >= self._patience * self._schedule.per_epoch


class Trainer(transformers.Trainer):
    """The library's loop, with the losses of this package."""

    def __init__(self, objective: Objective, narrator: Narrator, valid: list[Row], warmup: int, **rest: Any):
        super().__init__(data_collator=lambda steps: steps[0], callbacks=[narrator], **rest)
        self.remove_callback(transformers.PrinterCallback)
        # Several GPUs are for several processes (accelerate launch), never for torch's DataParallel.
        self.args._n_gpu = min(1, self.args._n_gpu)
        self._objective, self._narrator, self._valid, self._warmup = objective, narrator, valid, warmup

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Linear warm-up that begins above 0, then a cosine to 0: the library's own begins with a step of rate 0."""
        def rate(step: int) -> float:
            if step < self._warmup:
                return (step + 1) / (self._warmup + 1)
            return 0.5 * (1 + math.cos(math.pi * (step - self._warmup) / max(1, num_training_steps - self._warmup)))

        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, rate)
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> torch.Tensor:
        loss, right = self._objective.loss(model, inputs)
        measured = {"loss": loss.item(), "acc": right}
        if "replay" in inputs:
            kl = self._objective.held(model, inputs["replay"])
            measured["kl"] = kl.item()
            loss = loss + self._objective.hyper.kl * kl
        self._finite(loss.item(), "loss")
        self._narrator.measured = {**measured, "lr": self._get_learning_rate()}
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)
        self._finite(float(norm), "gradient")
        self._narrator.measured["grad_norm"] = float(norm)
        return norm

    def _finite(self, value: float, what: str) -> None:
        if not math.isfinite(value):
            raise Stopped("diverged", f"the {what} is {value}: lower hyper.lr", step=self.state.global_step + 1)

    @torch.no_grad()
    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Mean loss of the validation rows, each counted once."""
        self.model.eval()
        rows = sorted(self._valid, key=lambda row: row.tokens)
        size = self._objective.hyper.batch
        total = 0.0
        for some in (rows[i:i + size] for i in range(0, len(rows), size)):
            batch = self._prepare_inputs(self._objective.collate(some, []))
            # SFT's loss is a mean over tokens, the others' over rows.
            count = int(batch["rows"]["target"].sum()) if self._objective.method == "sft" else len(some)
            total += self._objective.loss(self.model, batch)[0].item() * count
        whole = sum(len(row.pairs[0][1]) for row in rows) if self._objective.method == "sft" else len(rows)
        self._finite(total / whole, "validation loss")
        metrics = {"eval_loss": total / whole}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        save_peft(self.model, Path(output_dir or self.args.output_dir))

    def _save_rng_state(self, output_dir: str) -> None:
        """Nothing to save: no step draws a random number."""


def train(job_file: Path, out: Path, *, resume: bool, events: Events, asked: Callable[[], bool] = lambda: False, base: Path | None = None) -> None:
    """Runs a job into a folder. Throws `Stopped` when it ends before it is done."""
    if out.resolve().is_relative_to(job_file.parent.resolve()):
        raise Stopped("bad_input", "the result folder is inside the job's: keep them apart")
    refuse_unsafe(job_file.parent)
    job = read_job(job_file)
    if not open_result(out, job_file, resume):
        # Done before: say so again, for a caller who was away when it ended.
        events.emit("done", **json.loads((out / "report.json").read_text())["done"])
        return
    with events.kept_in(out / "events.jsonl"):
        Run(job, job_file.parent, out, base or job_file.parent / job.base, events, Watch(job, asked)).train()


def open_result(out: Path, job_file: Path, resume: bool) -> bool:
    """Prepares the result folder. False when it holds the result of this very job already."""
    kept = out / "job.json"
    if kept.is_file():
        if kept.read_bytes() != job_file.read_bytes():
            raise Stopped("bad_input", f"{out} holds the run of another job")
        if not resume:
            raise Stopped("bad_input", f"{out} holds this run already: go on with --resume, or take another folder")
        return not (out / "report.json").is_file()
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise Stopped("bad_input", f"{out} is not empty")
    write_atomically(kept, job_file.read_bytes())
    return True


class Run:
    def __init__(self, job: Job, folder: Path, out: Path, base: Path, events: Events, watch: Watch):
        self._job, self._folder, self._out, self._base, self._events, self._watch = job, folder, out, base, events, watch
        self._began = time.monotonic()

    def train(self) -> None:
        job = self._job
        bases.settle_machine(job.limits.threads, job.limits.nice)
        amp = bases.precision(job.hyper.amp)
        for name, file in files_of(job):
            if not (self._folder / file.file).is_file() or sha256_of(self._folder / file.file) != file.sha256:
                raise Stopped("bad_input", f"data.{name}: {file.file} is missing or not what the job was made with")
        bases.check_digest(self._base, job.base_sha256)
        model = bases.load_base(self._base, self._folder / job.base_hf if job.base_hf else None)
        rows = self._rows(model.config.get_text_config().vocab_size)
        self._watch.check()

        model = self._adapted(model)
        objective = Objective(job.method, job.hyper, amp, *(thumbs_weights(rows["train"]) if job.method == "kto" else (1.0, 1.0)))
        epochs = job.hyper.epochs or epochs_for(job.method, len(rows["train"]))
        schedule = Schedule(job, rows, epochs, objective)
        checkpoint = last_checkpoint(self._out)
        resumed_at = int(checkpoint.name.split("-")[1]) if checkpoint else 0
        trainable = sum(each.numel() for each in model.parameters() if each.requires_grad)
        self._events.emit(
            "start", method=job.method, rows=len(rows["train"]), valid=len(rows["valid"]), replay=len(rows["replay"]), steps=len(schedule), resumed_at=resumed_at,
            params=trainable, amp=amp, threads=job.limits.threads, hyper={**asdict(job.hyper), "epochs": epochs}, rss_mb=bases.rss_mb(),
        )
        if job.method != "sft":
            references(model, rows["train"] + rows["valid"], job.hyper.batch, amp, self._watch.check)

        valid_cost = VALID_COST * sum(row.tokens for row in rows["valid"])
        narrator = Narrator(self._events, schedule, self._watch, job.hyper.patience, valid_cost)
        trainer = Trainer(
            objective, narrator, rows["valid"], warmup=min(10, len(schedule) // 10), model=model, train_dataset=schedule,
            # Named for the library's checks only: `evaluate` takes the validation rows.
            eval_dataset=schedule if rows["valid"] else None, args=self._arguments(schedule, bool(rows["valid"])),
        )
        narrator.initial = self._initial_loss(trainer, resumed_at)
        state = transformers.TrainerState.load_from_json(checkpoint / "trainer_state.json") if checkpoint else None
        if state is None or not (state.global_step >= len(schedule) or narrator.stale(state)):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            state = trainer.state
            if narrator.stopped is not None and state.global_step < len(schedule):
                raise narrator.stopped
        self._finish(model, schedule, state, narrator.initial, narrator.peak_mb)

    def _rows(self, vocab: int) -> dict[str, list[Row]]:
        job, rows = self._job, {}
        for name in ("train", "valid", "replay"):
            file = getattr(job.data, name)
            # A replayed answer may have been cut by its token limit.
            check = Check(vocab, job.hyper.max_len, frozenset() if name == "replay" else frozenset(job.eot))
            rows[name] = read_rows(self._folder / file.file, "sft" if name == "replay" else job.method, check) if file else []
        if job.method == "sft" and job.hyper.kl > 0 and not rows["replay"]:
            raise Stopped("bad_input", "hyper.kl holds the base on replayed answers and there is no data.replay: give it, or set hyper.kl to 0")
        if job.method == "kto" and len({row.label for row in rows["train"]}) < 2:
            raise Stopped("bad_input", "kto needs rows of both labels")
        if {row.id for row in rows["train"]} & {row.id for row in rows["valid"]}:
            raise Stopped("bad_input", "a row is in data.train and in data.valid")
        return rows

    def _adapted(self, model: Any) -> Any:
        job = self._job
        if job.adapter is not None:
            folder = self._folder / job.adapter
            refuse_unsafe(folder)
            return peft.PeftModel.from_pretrained(model, folder, is_trainable=True)
        targets = leaf_names(model, bases.read_header(self._base), job.hyper.targets)
        torch.manual_seed(job.hyper.seed)
        config = peft.LoraConfig(r=job.hyper.rank, lora_alpha=job.hyper.alpha, lora_dropout=0.0, bias="none", target_modules=targets, task_type="CAUSAL_LM")
        return peft.get_peft_model(model, config)

    def _arguments(self, schedule: Schedule, validated: bool) -> transformers.TrainingArguments:
        hyper = self._job.hyper
        return transformers.TrainingArguments(
            output_dir=str(self._out), per_device_train_batch_size=1, num_train_epochs=1, learning_rate=hyper.lr, weight_decay=0.0, max_grad_norm=1.0,
            optim="adamw_torch", seed=hyper.seed, use_cpu=not torch.cuda.is_available(), remove_unused_columns=False, dataloader_pin_memory=False,
            eval_strategy="steps" if validated else "no", eval_steps=schedule.per_epoch, save_strategy="steps", save_steps=schedule.per_epoch,
            # The last checkpoint, and the best one.
            save_total_limit=2, metric_for_best_model="loss" if validated else None, greater_is_better=False,
            logging_strategy="no", logging_nan_inf_filter=False, disable_tqdm=True, report_to=[],
        )

    def _initial_loss(self, trainer: Trainer, resumed_at: int) -> float | None:
        """Validation loss before the first step; kept for a resumed run, which no longer has those weights."""
        if not trainer._valid:
            return None
        kept = self._out / "initial.json"
        if resumed_at == 0 or not kept.is_file():
            write_atomically(kept, json.dumps(trainer.evaluate()).encode())
            self._watch.check()
        return json.loads(kept.read_text())["eval_loss"]

    def _finish(self, model: Any, schedule: Schedule, state: Any, initial: float | None, peak_mb: int) -> None:
        """Writes the best epoch's adapter. Best epoch 0: none was better than the base, and nothing may be promoted."""
        job, best = self._job, state.best_global_step or state.global_step
        weights = load_file(self._out / f"checkpoint-{best}" / "adapter_model.safetensors")
        peft.set_peft_model_state_dict(model, weights)
        save_peft(model, self._out / "peft")
        gguf_file = None
        if job.qk is not None:
            parent = sha256_of(self._folder / job.adapter / "adapter_model.safetensors") if job.adapter else None
            data = {name: file.sha256 for name, file in files_of(job)}
            lineage = Lineage(job.base_sha256, job.run_id, job.method, data, parent)
            converted = convert(self._out / "peft", self._base, self._out / "adapter.gguf", permuted=job.qk == "permuted", lineage=lineage)
            self._events.emit("converted", **asdict(converted))
            gguf_file = "adapter.gguf"
        no_gain = initial is not None and state.best_metric >= initial
        done = {
            "steps": state.global_step, "seconds": time.monotonic() - self._began, "best_epoch": 0 if no_gain else best // schedule.per_epoch,
            "adapter_sha256": sha256_of(self._out / "peft" / "adapter_model.safetensors"), "peak_mb": max(peak_mb, bases.rss_mb()), "gguf": gguf_file,
        }
        write_atomically(self._out / "report.json", json.dumps({"run_id": job.run_id, "done": done}).encode())
        for left in [*self._out.glob("checkpoint-*"), self._out / "initial.json"]:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        self._events.emit("done", **done)


def last_checkpoint(out: Path) -> Path | None:
    """The newest checkpoint that is whole: its state is written last."""
    def whole(folder: Path) -> bool:
        try:
            return isinstance(json.loads((folder / "trainer_state.json").read_text()), dict)
        except (OSError, ValueError):
            return False

    found = sorted((each for each in out.glob("checkpoint-*") if whole(each)), key=lambda each: int(each.name.split("-")[1]))
    return found[-1] if found else None
