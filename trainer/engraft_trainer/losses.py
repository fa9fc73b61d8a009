"""The losses: SFT, KTO, DPO, and the KL term that holds the base. Log-probabilities are natural, in nat."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from .base import autocast
from .job import Hyper
from .rows import Pair, Row

Tensors = dict[str, torch.Tensor]


def padded(pairs: list[Pair]) -> Tensors:
    """Prompt + completion of each pair, padded on the right. `mask`: what is no padding; `target`: completion tokens."""
    length = max(len(prompt) + len(completion) for prompt, completion in pairs)
    ids = torch.zeros(len(pairs), length, dtype=torch.long)
    mask = torch.zeros(len(pairs), length, dtype=torch.long)
    target = torch.zeros(len(pairs), length, dtype=torch.bool)
    for i, (prompt, completion) in enumerate(pairs):
        end = len(prompt) + len(completion)
        ids[i, :end] = torch.tensor(prompt + completion)
        mask[i, :end] = 1
        target[i, len(prompt):end] = True
    return {"ids": ids, "mask": mask, "target": target}


def completion_logits(model: Any, batch: Tensors, amp: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits (n, vocabulary) that predict the n completion tokens of a batch, those tokens, and the row of each.

    Logits are computed only from the first position on that any row needs.
    """
    target = batch["target"][:, 1:]
    low = int(target.any(0).nonzero()[0])
    kept = torch.arange(low, batch["ids"].shape[1] - 1, device=batch["ids"].device)
    with autocast(model, amp):
        logits = model(input_ids=batch["ids"], attention_mask=batch["mask"], use_cache=False, logits_to_keep=kept).logits
    chosen = target[:, low:]
    return logits[chosen].float(), batch["ids"][:, 1 + low:][chosen], chosen.nonzero()[:, 0]


def completion_logps(model: Any, batch: Tensors, amp: str) -> torch.Tensor:
    """Log-probability of each whole completion of a batch."""
    logits, tokens, rows = completion_logits(model, batch, amp)
    each = -F.cross_entropy(logits, tokens, reduction="none")
    return torch.zeros(len(batch["ids"]), device=each.device).index_add(0, rows, each)


@torch.no_grad()
def references(model: Any, rows: list[Row], batch: int, amp: str, check: Any) -> None:
    """Fills `reference` of each row from the model as it is now. `check` is called between batches and may throw."""
    ordered = sorted(rows, key=lambda row: row.tokens)
    for some in (ordered[i:i + batch] for i in range(0, len(ordered), batch)):
        check()
        tensors = {key: value.to(model.device) for key, value in padded([pair for row in some for pair in row.pairs]).items()}
        values = iter(completion_logps(model, tensors, amp).tolist())
        for row in some:
            row.reference = list(itertools.islice(values, len(row.pairs)))


@dataclass(frozen=True)
class Objective:
    """A method's loss on a batch. `loss` gives it with the share that is right already.

    `up` and `down` weigh the thumbs of KTO, so that the rarer kind counts as much.
    """

    method: str
    hyper: Hyper
    amp: str
    up: float = 1.0
    down: float = 1.0

    def collate(self, rows: list[Row], replay: list[Row]) -> dict[str, Any]:
        """One step's tensors. KTO adds prompts with the answer of another row, for half of the batch."""
        batch: dict[str, Any] = {"rows": padded([pair for row in rows for pair in row.pairs])}
        batch["weight"] = torch.tensor([row.weight for row in rows])
        batch["label"] = torch.tensor([row.label for row in rows])
        if self.method != "sft":
            batch["reference"] = torch.tensor([row.reference for row in rows])
        if self.method == "kto" and len(rows) > 1:
            strangers = rows[1:] + rows[:1]
            half = (len(rows) + 1) // 2
            batch["mismatched"] = padded([(row.pairs[0][0], other.pairs[0][1]) for row, other in zip(rows[:half], strangers, strict=False)])
        if replay:
            batch["replay"] = padded([row.pairs[0] for row in replay])
        return batch

    def loss(self, model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, float]:
        return getattr(self, f"_{self.method}")(model, batch)

    def _sft(self, model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, float]:
        """Mean negative log-likelihood of a completion token; accuracy of the most likely token."""
        logits, tokens, rows = completion_logits(model, batch["rows"], self.amp)
        weight = batch["weight"][rows]
        loss = (F.cross_entropy(logits, tokens, reduction="none") * weight).sum() / weight.sum()
        return loss, (logits.argmax(-1) == tokens).float().mean().item()

    def _kto(self, model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, float]:
        """KTO (Ethayarajh et al. 2024, arXiv 2402.01306, eq. 8), reference point from mismatched pairs."""
        reward = self.hyper.beta * (completion_logps(model, batch["rows"], self.amp) - batch["reference"][:, 0])
        point = self._reference_point(model, batch)
        up = batch["label"]
        value = torch.where(up, torch.sigmoid(reward - point), torch.sigmoid(point - reward))
        weight = torch.where(up, self.up, self.down) * batch["weight"]
        return (weight * (1 - value)).mean(), ((reward > point) == up).float().mean().item()

    @torch.no_grad()
    def _reference_point(self, model: Any, batch: dict[str, Any]) -> torch.Tensor:
        if "mismatched" not in batch:
            return torch.zeros((), device=model.device)
        now = completion_logps(model, batch["mismatched"], self.amp)
        with model.disable_adapter():
            before = completion_logps(model, batch["mismatched"], self.amp)
        return self.hyper.beta * (now - before).mean().clamp(min=0)

    def _dpo(self, model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, float]:
        """DPO (Rafailov et al. 2023, arXiv 2305.18290, eq. 7) with an SFT term, so that the chosen answer is not pushed down too."""
        logps = completion_logps(model, batch["rows"], self.amp).view(-1, 2)
        gained = logps - batch["reference"]
        margin = gained[:, 0] - gained[:, 1]
        length = batch["rows"]["target"].sum(1).view(-1, 2)[:, 0]
        each = -F.logsigmoid(self.hyper.beta * margin) - self.hyper.sft_weight * logps[:, 0] / length
        return (each * batch["weight"]).sum() / batch["weight"].sum(), (margin > 0).float().mean().item()

    def held(self, model: Any, replay: Tensors) -> torch.Tensor:
        """KL(base || adapted) on the base's own answers, nat a token."""
        with torch.no_grad(), model.disable_adapter():
            base = F.log_softmax(completion_logits(model, replay, self.amp)[0], -1)
        now = F.log_softmax(completion_logits(model, replay, self.amp)[0], -1)
        return F.kl_div(now, base, reduction="batchmean", log_target=True)


def thumbs_weights(rows: list[Row]) -> tuple[float, float]:
    """Weights of thumbs up and down that even out their numbers. At most 4: few rows must not decide all."""
    up = sum(row.label for row in rows)
    down = len(rows) - up
    return (min(4.0, max(1.0, down / up)), min(4.0, max(1.0, up / down)))
