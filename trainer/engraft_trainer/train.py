"""One training run: a job folder in, an adapter out.

`transformers.Trainer` steps, saves and resumes (loop.py); what a step computes
is in losses.py, its rows in schedule.py, and when the run ends in progress.py.
Nothing draws from a global random generator after the adapter's first weights,
so a resumed run has the same bits.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
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
from .loop import Trainer
from .losses import Objective, references, thumbs_weights
from .progress import Narrator, Watch
from .rows import Check, Row, read_rows
from .schedule import Schedule

#: Validating takes a third of training: there is no backward pass.
VALID_COST = 1 / 3


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
