"""Tiny models with random weights as GGUF files, and jobs for them. Nothing is fetched."""

from __future__ import annotations

import hashlib
import io
import json
import random
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import transformers

from engraft_trainer.base import load_base
from engraft_trainer.events import Events, Stopped
from engraft_trainer.gguf_lora import permute
from engraft_trainer.train import train

VOCAB = 64
EOT = 2
HEADS, KV_HEADS, BLOCKS, WIDTH, INNER = 4, 2, 2, 32, 64


def tiny_model(architecture: str) -> Any:
    """A random model in PyTorch. Its weights are larger than usual, so that its answers are far from even."""
    shape = dict(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=BLOCKS, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS,
        max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False, initializer_range=0.2,
    )
    torch.manual_seed(1)
    kind = {"llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM), "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM)}[architecture]
    return kind[1](kind[0](**shape)).eval()


def write_base(path: Path, architecture: str, model: Any = None) -> Path:
    """That model as llama.cpp's converter would write it: of llama, q and k are permuted."""
    model = model or tiny_model(architecture)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(f"tiny {architecture}")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(VOCAB)])
    # llama.cpp loads no such vocabulary without any.
    writer.add_token_merges(["t 0"])
    names = gguf.get_tensor_name_map({name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}[architecture], BLOCKS)
    for key, value in model.state_dict().items():
        name = names.get_name(key, try_suffixes=(".weight", ".bias"))
        array = value.numpy()
        if architecture == "llama" and "attn_q.weight" in name:
            array = permute(array, HEADS)
        if architecture == "llama" and "attn_k.weight" in name:
            array = permute(array, KV_HEADS)
        writer.add_tensor(name, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def greedy(base: Path, prompt: list[int], count: int) -> list[int]:
    """What a base finds most likely after a prompt."""
    model, ids = load_base(base), list(prompt)
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt):]


def pattern_rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows with something to learn: the answer repeats the last token of the prompt, counted up."""
    rows = []
    for i in range(start, start + count):
        prompt = random.Random(i).choices(range(8, 40), k=4 + i % 5)
        rows.append({"id": f"r{i}", "group": f"g{i % 5}", "prompt": prompt, "completion": [prompt[-1] + 1, prompt[-1] + 2, 50, EOT]})
    return rows


def replay_rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"p{i}", "group": "base", "prompt": random.Random(1000 + i).choices(range(VOCAB), k=6), "completion": random.Random(2000 + i).choices(range(VOCAB), k=6)} for i in range(count)]


def thumbs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "label": i % 3 > 0, **({} if i % 3 > 0 else {"completion": [60, 61, EOT]})} for i, row in enumerate(rows)]


def preferences(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": row["id"], "group": row["group"], "prompt": row["prompt"], "chosen": row["completion"], "rejected": [60, 61, EOT]} for row in rows]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_rows(path: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"file": path.name, "sha256": digest(path)}


def write_job(folder: Path, base: Path, rows: dict[str, list[dict[str, Any]]], method: str = "sft", hyper: dict[str, Any] | None = None, **over: Any) -> Path:
    """A job folder. Its hyperparameters suit tiny random models."""
    folder.mkdir(parents=True, exist_ok=True)
    lora = {} if method == "dpo" else {"rank": 4, "alpha": 8}
    job = {
        "run_id": "run-1", "method": method, "base": str(base), "base_sha256": digest(base), "eot": [EOT], "qk": "permuted",
        "data": {name: write_rows(folder / f"{name}.jsonl", each) for name, each in rows.items()},
        "hyper": {**lora, "lr": 0.01, "epochs": 2, "amp": "fp32", "patience": 9, **(hyper or {})}, **over,
    }
    path = folder / "job.json"
    path.write_text(json.dumps({key: value for key, value in job.items() if value is not None}))
    return path


def sft_rows(count: int = 24) -> dict[str, list[dict[str, Any]]]:
    return {"train": pattern_rows(count), "valid": pattern_rows(8, 500), "replay": replay_rows(12)}


def run(job: Path, out: Path, *, resume: bool = False, stop_after: int | None = None) -> list[dict[str, Any]]:
    """Runs a job in this process, to its end or for some steps. Its events; the last says how it ended."""
    stream = io.StringIO()

    def asked() -> bool:
        return stop_after is not None and stream.getvalue().count('"event": "step"') >= stop_after

    events = Events(stream)
    try:
        train(job, out, resume=resume, events=events, asked=asked)
    except Stopped as stopped:
        events.emit("stopped", **stopped.fields())
    return [json.loads(line) for line in stream.getvalue().splitlines()]


