"""The loop of transformers with the losses, the learning rate and the checks of this package."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
import transformers

from .events import Stopped
from .gguf_lora import save_peft
from .losses import Objective
from .progress import Narrator
from .rows import Row


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
