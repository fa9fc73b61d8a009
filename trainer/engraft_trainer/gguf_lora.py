"""A PEFT adapter as the GGUF file that llama.cpp loads: `W.lora_a` (r, in) and `W.lora_b` (out, r) for each weight W of the base."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file

from .base import Header, read_header
from .events import Stopped
from .folders import refuse_unsafe, sha256_of, write_atomically


@dataclass(frozen=True)
class Lineage:
    """Where an adapter comes from. It is written into the file, so that it cannot be lost."""

    base_sha256: str
    run_id: str | None = None
    method: str | None = None
    data: dict[str, str] | None = None  # sha256 of each file of rows
    parent: str | None = None  # sha256 of the weights of the adapter that it goes on from


@dataclass(frozen=True)
class Converted:
    arch: str
    perm: str
    tensors: int
    sha256: str


def tensor_names(header: Header) -> Any:
    """From a Hugging Face module's name to the name of its weight in the GGUF; None for what is not in it."""
    known = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}
    if header.architecture not in known:
        raise Stopped("bad_base", f"architecture {header.architecture} is not one that the gguf package names tensors of")
    names = gguf.get_tensor_name_map(known[header.architecture], header.blocks)
    return lambda module: names.get_name(f"{module}.weight", try_suffixes=(".weight",))


def leaf_names(model: Any, header: Header, wanted: list[str] | None) -> list[str]:
    """Leaf names of the linear modules to adapt: those in a block whose weight the GGUF has. Throws `bad_input` for one that is not among them."""
    name_of = tensor_names(header)
    found = {
        module.rsplit(".", 1)[-1]
        for module, each in model.named_modules()
        if isinstance(each, torch.nn.Linear) and (name := name_of(module) or "").startswith("blk.") and header.shapes.get(name) == tuple(each.weight.shape)
    }
    strange = sorted(set(wanted or []) - found)
    if strange or not found:
        raise Stopped("bad_input", f"hyper.targets: {', '.join(strange) or 'nothing'} can be adapted in this base, which has {', '.join(sorted(found)) or 'no such module'}")
    return sorted(wanted or found)


def save_peft(model: Any, folder: Path) -> None:
    """PEFT's own format, the same bytes for the same weights."""
    model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    config = json.loads((folder / "adapter_config.json").read_text())
    # PEFT keeps the targets as a set, whose order changes from process to process, and the path of the base, which is nobody's business.
    config = {**config, "target_modules": sorted(config["target_modules"]), "base_model_name_or_path": None}
    write_atomically(folder / "adapter_config.json", json.dumps(config, indent=2, sort_keys=True).encode())
    (folder / "README.md").unlink(missing_ok=True)


def convert(peft_folder: Path, base: Path, out: Path, *, permuted: bool, lineage: Lineage, f32: bool = False) -> Converted:
    """Writes the GGUF of a PEFT folder for this base. Throws `bad_input` for what llama.cpp cannot apply.

    `permuted`: whether the base's converter reordered the rows of q and k for
    its rotary embedding (probe.py finds out). A file with the wrong order loads
    without an error and answers worse.
    """
    refuse_unsafe(peft_folder)
    header = read_header(base)
    config, weights = _read_peft(peft_folder)
    name_of = tensor_names(header)
    alpha = float(config["lora_alpha"])
    tensors: dict[str, np.ndarray] = {}
    for module, pair in _pairs(weights).items():
        a, b = pair
        name = name_of(module)
        if name is None or not name.startswith("blk.") or header.shapes.get(name) != (b.shape[0], a.shape[1]):
            raise Stopped("bad_input", f"{module} is no weight of this base, or has another shape")
        # llama.cpp applies alpha of the file / rank of the tensor; what PEFT applies beyond that goes into B.
        b = b * np.float32(_scale(config, module, a.shape[0]) * a.shape[0] / alpha)
        if permuted and name.endswith(("attn_q.weight", "attn_k.weight")):
            b = permute(b, header.heads if name.endswith("attn_q.weight") else header.kv_heads)
        tensors[f"{name}.lora_a"], tensors[f"{name}.lora_b"] = a, b
    kind = np.float32 if f32 else np.float16
    tensors = {name: tensor.astype(kind) for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise Stopped("diverged", f"{name} holds values that are not finite{'' if f32 else ' as 16-bit floats'}")
    write_gguf(out, header.architecture, alpha, tensors, lineage)
    return Converted(header.architecture, "permuted" if permuted else "plain", len(tensors), sha256_of(out))


def permute(b: np.ndarray, heads: int) -> np.ndarray:
    """The row order that llama.cpp's converters of the llama family give q and k: halves of each head interleaved."""
    out, rank = b.shape
    if heads == 0 or out % (2 * heads) != 0:
        raise Stopped("bad_input", "this base's heads cannot be permuted: its q and k are plain")
    return b.reshape(heads, 2, out // heads // 2, rank).swapaxes(1, 2).reshape(out, rank)


def write_gguf(out: Path, architecture: str, alpha: float, tensors: dict[str, np.ndarray], lineage: Lineage) -> None:
    temporary = out.with_name(f".{out.name}.part")
    writer = gguf.GGUFWriter(temporary, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    writer.add_string("engraft.base_sha256", lineage.base_sha256)
    for key, value in (("run_id", lineage.run_id), ("method", lineage.method), ("parent_sha256", lineage.parent)):
        if value is not None:
            writer.add_string(f"engraft.{key}", value)
    for name, digest in sorted((lineage.data or {}).items()):
        writer.add_string(f"engraft.data.{name}_sha256", digest)
    for name in sorted(tensors):
        writer.add_tensor(name, np.ascontiguousarray(tensors[name]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(temporary, out)


def _read_peft(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        weights = load_file(folder / "adapter_model.safetensors")
        float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as cause:
        raise Stopped("bad_input", f"{folder.name} is not a PEFT LoRA adapter: {cause!r}") from cause
    for key in ("use_dora", "modules_to_save", "lora_bias", "trainable_token_indices", "layer_replication"):
        if config.get(key):
            raise Stopped("bad_input", f"{key} of the adapter has no place in a GGUF adapter")
    if config.get("bias", "none") != "none":
        raise Stopped("bad_input", "trained biases of the adapter have no place in a GGUF adapter")
    return config, weights


def _pairs(weights: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    halves: dict[str, dict[str, np.ndarray]] = {}
    for key, value in sorted(weights.items()):
        module, dot, half = key.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".")
        if not dot or half not in ("lora_A", "lora_B") or value.ndim != 2:
            raise Stopped("bad_input", f"{key} is not a part of a LoRA of linear modules")
        halves.setdefault(module, {})[half] = value.astype(np.float32)
    for module, pair in halves.items():
        if len(pair) != 2 or pair["lora_A"].shape[0] != pair["lora_B"].shape[1]:
            raise Stopped("bad_input", f"{module} lacks one half of its LoRA, or the halves have different ranks")
    if not halves:
        raise Stopped("bad_input", "the adapter is empty")
    return {module: (pair["lora_A"], pair["lora_B"]) for module, pair in halves.items()}


def _scale(config: dict[str, Any], module: str, rank: int) -> float:
    """What PEFT multiplies B·A with: alpha / rank, or alpha / √rank (rsLoRA)."""
    own = [value for pattern, value in (config.get("alpha_pattern") or {}).items() if module == pattern or module.endswith(f".{pattern}")]
    alpha = float(own[0] if own else config["lora_alpha"])
    return alpha / (rank**0.5 if config.get("use_rslora") else rank)
