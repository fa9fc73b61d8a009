import json
import subprocess
import sys
import os
import tempfile
import unittest
from pathlib import Path

import gguf
import numpy as np
import peft
import torch
from safetensors.numpy import load_file, save_file

from engraft_trainer.base import load_base, read_header
from engraft_trainer.events import Stopped
from engraft_trainer.gguf_lora import Lineage, convert, leaf_names, save_peft
from engraft_trainer.probe import probe
from engraft_trainer.score import score
from tests import support
from tests.support import digest, write_base, write_rows


class Conversion(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def adapter(self, architecture: str, **config: object) -> tuple[Path, torch.Tensor]:
        """A base, a random adapter beside it, and the probabilities of PyTorch with that adapter."""
        self.base = write_base(self.folder / f"{architecture}.gguf", architecture)
        model = load_base(self.base)
        torch.manual_seed(3)
        lora = peft.LoraConfig(**{"r": 4, "lora_alpha": 12, "init_lora_weights": False, "task_type": "CAUSAL_LM", "target_modules": leaf_names(model, read_header(self.base), None), **config})
        model = peft.get_peft_model(model, lora).eval()
        save_peft(model, self.folder / "peft")
        return self.folder / "peft", self.probabilities(model)

    @torch.no_grad()
    def probabilities(self, model: object) -> torch.Tensor:
        return model(input_ids=torch.arange(3, 27)[None]).logits.softmax(-1)

    def merged(self, adapter: Path, *, alpha: float | None = None) -> torch.Tensor:
        """The probabilities of the base with alpha / r · B·A added to each weight as it lies in the file, as llama.cpp does it."""
        reader = gguf.GGUFReader(adapter)
        tensors = {each.name: each.data.astype(np.float32) for each in reader.tensors}
        alpha = reader.fields["adapter.lora.alpha"].contents() if alpha is None else alpha
        source, out = gguf.GGUFReader(self.base), self.folder / "merged.gguf"
        out.write_bytes(self.base.read_bytes())
        written = np.memmap(out, mode="r+")
        for each in source.tensors:
            a, b = (tensors.get(f"{each.name}.lora_{half}") for half in "ab")
            if a is not None:
                # Of an alpha that is lost llama.cpp makes a scale of 1.
                value = each.data + np.float32(alpha / a.shape[0] if alpha else 1) * (b @ a)
                start = int(each.data_offset)
                written[start:start + value.nbytes] = np.frombuffer(value.astype(np.float32).tobytes(), np.uint8)
        written.flush()
        return self.probabilities(load_base(out))

    def converted(self, peft_folder: Path, *, permuted: bool, f32: bool = True) -> Path:
        out = self.folder / "adapter.gguf"
        convert(peft_folder, self.base, out, permuted=permuted, lineage=Lineage(digest(self.base), "run-7", "sft", {"train": "1" * 64}), f32=f32)
        return out

    def error(self, merged: torch.Tensor, expected: torch.Tensor) -> float:
        return (merged - expected).abs().max().item()

    def test_the_file_does_to_the_base_what_peft_does_and_only_in_the_right_order(self) -> None:
        for architecture, right in (("llama", True), ("qwen2", False)):
            with self.subTest(architecture):
                peft_folder, expected = self.adapter(architecture)
                self.assertLess(self.error(self.merged(self.converted(peft_folder, permuted=right)), expected), 1e-4)
                self.assertLess(self.error(self.merged(self.converted(peft_folder, permuted=right, f32=False)), expected), 2e-2)
                self.assertGreater(self.error(self.merged(self.converted(peft_folder, permuted=not right)), expected), 0.1)

    def test_a_lost_alpha_shows(self) -> None:
        peft_folder, expected = self.adapter("llama")
        adapter = self.converted(peft_folder, permuted=True)
        self.assertGreater(self.error(self.merged(adapter, alpha=0), expected), 0.1)

    def test_mixed_ranks_and_alphas_and_rslora_are_folded_in(self) -> None:
        for config in ({"use_rslora": True}, {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 9, "up_proj": 3}}):
            with self.subTest(config):
                peft_folder, expected = self.adapter("llama", **config)
                self.assertLess(self.error(self.merged(self.converted(peft_folder, permuted=True)), expected), 1e-4)

    def test_the_header_tells_the_base_and_the_lineage(self) -> None:
        peft_folder, _ = self.adapter("llama")
        fields = gguf.GGUFReader(self.converted(peft_folder, permuted=True)).fields
        told = {key: fields[key].contents() for key in fields if not key.startswith("GGUF.")}
        self.assertEqual(told, {
            "general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora", "adapter.lora.alpha": 12.0, "engraft.base_sha256": digest(self.base),
            "engraft.run_id": "run-7", "engraft.method": "sft", "engraft.data.train_sha256": "1" * 64,
        })

    def test_what_llama_cpp_cannot_apply_is_refused(self) -> None:
        peft_folder, _ = self.adapter("llama")
        config, weights = peft_folder / "adapter_config.json", peft_folder / "adapter_model.safetensors"
        good, tensors = json.loads(config.read_text()), load_file(weights)
        first = sorted(tensors)[0]
        for change, values in (
            ({"use_dora": True}, tensors), ({"bias": "all"}, tensors), ({"modules_to_save": ["lm_head"]}, tensors),
            ({}, {**tensors, first: tensors[first][:, :-1].copy()}), ({}, {key: value for key, value in tensors.items() if key != first}),
            ({}, {**tensors, "base_model.model.lm_head.lora_A.weight": tensors[first], "base_model.model.lm_head.lora_B.weight": tensors[first].T.copy()}),
            ({}, {**tensors, first: tensors[first] * np.float32("nan")}), ({}, {}),
        ):
            config.write_text(json.dumps({**good, **change}))
            save_file(values, weights)
            with self.assertRaises(Stopped):
                self.converted(peft_folder, permuted=True)

    def test_links_and_pickles_in_a_result_are_refused(self) -> None:
        peft_folder, _ = self.adapter("llama")
        pickle = peft_folder / "training_args.bin"
        pickle.write_bytes(b"\x80\x04.")
        with self.assertRaisesRegex(Stopped, "may hold code"):
            self.converted(peft_folder, permuted=True)
        pickle.unlink()
        weights = peft_folder / "adapter_model.safetensors"
        weights.rename(self.folder / "elsewhere.safetensors")
        weights.symlink_to(self.folder / "elsewhere.safetensors")
        with self.assertRaisesRegex(Stopped, "symbolic link"):
            self.converted(peft_folder, permuted=True)

    def test_only_the_right_one_of_the_probes_files_scores_as_pytorch_does(self) -> None:
        for architecture, right in (("llama", "permuted"), ("qwen2", "plain")):
            self.base = write_base(self.folder / f"{architecture}.gguf", architecture)
            out = self.folder / architecture
            probe(self.base, out)
            told = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
            errors = {}
            for way in ("plain", "permuted"):
                self.merged(out / f"{way}.gguf")
                score(self.folder / "merged.gguf", out / "rows.jsonl", self.folder / "scores.jsonl")
                got = [json.loads(line) for line in (self.folder / "scores.jsonl").read_text().splitlines()]
                errors[way] = np.mean([np.abs(np.exp(a["logp"]) - np.exp(b["logp"])).mean() for a, b in zip(told, got, strict=True)])
            wrong = next(way for way in errors if way != right)
            self.assertLess(errors[right], 1e-5)
            self.assertGreater(errors[wrong], 100 * errors[right])

    def test_scores_say_what_an_adapter_did_to_the_base(self) -> None:
        peft_folder, _ = self.adapter("llama")
        rows = self.folder / "rows.jsonl"
        write_rows(rows, support.pattern_rows(3))
        read = []
        for folder in (None, peft_folder):
            self.assertEqual(score(self.base, rows, self.folder / "out.jsonl", folder), 3)
            read.append([json.loads(line) for line in (self.folder / "out.jsonl").read_text().splitlines()])
        self.assertEqual([len(row["logp"]) for row in read[0]], [4, 4, 4])
        self.assertNotIn("kl", read[0][0])
        self.assertGreater(read[1][0]["kl"], 0.01)
        self.assertNotEqual(read[0][0]["nll"], read[1][0]["nll"])


class CommandLine(unittest.TestCase):
    def test_stdout_holds_events_alone_and_the_exit_code_says_the_reason(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            base = write_base(folder / "base.gguf", "qwen2")
            healthy, events = self.command("doctor", "--base", str(base))
            self.assertEqual((healthy, events[0]["event"], events[0]["arch"]), (0, "doctor", "qwen2"))
            self.assertGreater(events[0]["train_tok_s"], 0)
            self.assertEqual(self.command("probe", "--base", str(base), "--out", str(folder / "probe")), (0, [{"event": "probed", "adapters": ["plain.gguf", "permuted.gguf"]}]))
            code, events = self.command("convert", "--peft", str(folder), "--base", str(base), "--out", str(folder / "x.gguf"), "--qk", "plain")
            self.assertEqual((code, events[0]["reason"]), (2, "bad_input"))
            code, events = self.command("score", "--base", str(folder / "none.gguf"), "--rows", "x", "--out", "y")
            self.assertEqual((code, events[0]["reason"]), (3, "bad_base"))

    def command(self, *arguments: str) -> tuple[int, list[dict]]:
        ended = subprocess.run([sys.executable, "-m", "engraft_trainer", *arguments], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}, check=False)
        return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


if __name__ == "__main__":
    unittest.main()
