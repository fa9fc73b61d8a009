import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from safetensors.numpy import load_file

from engraft_trainer.score import score
from tests import support
from tests.support import digest, run, sft_rows, write_base, write_job


class Runs(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.base = write_base(self.folder / "base.gguf", "llama")

    def job(self, name: str = "job", rows: dict | None = None, **over: object) -> Path:
        return write_job(self.folder / name, self.base, rows or sft_rows(), **over)

    def losses(self, events: list[dict]) -> list[float]:
        return [event["loss"] for event in events if event["event"] == "valid"]


class Learning(Runs):
    def gain(self, out: str, answers: list[list[int]]) -> float:
        """How much likelier an adapter makes answers to prompts it never saw, nat a token."""
        rows = [{"id": row["id"], "prompt": row["prompt"], "completion": answer} for row, answer in zip(support.pattern_rows(len(answers), 900), answers, strict=True)]
        support.write_rows(self.folder / "asked.jsonl", rows)
        means = []
        for adapter in (None, self.folder / out / "peft"):
            score(self.base, self.folder / "asked.jsonl", self.folder / "scores.jsonl", adapter)
            means.append(sum(json.loads(line)["nll"] for line in (self.folder / "scores.jsonl").read_text().splitlines()) / len(rows))
        return means[0] - means[1]

    def liked(self) -> list[list[int]]:
        return [row["completion"] for row in support.pattern_rows(8, 900)]

    def disliked(self) -> list[list[int]]:
        return [[60, 61, support.EOT]] * 8

    def test_sft_lowers_the_loss_of_rows_it_never_saw(self) -> None:
        events = run(self.job(hyper={"epochs": 6, "lr": 0.02}), self.folder / "out")
        before, *_, after = self.losses(events)
        self.assertLess(after, before - 1)
        self.assertEqual(events[-1]["event"], "done")
        self.assertGreater(events[-1]["best_epoch"], 0)
        self.assertEqual([event["event"] for event in events[:2]], ["start", "valid"])
        self.assertEqual(sum(event["event"] == "step" for event in events), events[0]["steps"])

    def test_the_kl_term_holds_the_base(self) -> None:
        last = {}
        for kl in (0.001, 2):
            events = run(self.job(f"job-{kl}", hyper={"epochs": 6, "kl": kl}), self.folder / f"out-{kl}")
            last[kl] = [event["kl"] for event in events if event["event"] == "step"][-6:]
        self.assertLess(sum(last[2]), sum(last[0.001]) / 3)

    def test_kto_makes_what_was_liked_likelier_than_what_was_not(self) -> None:
        rows = {"train": support.thumbs(support.pattern_rows(24)), "valid": support.thumbs(support.pattern_rows(9, 500))}
        events = run(self.job(rows=rows, method="kto", hyper={"epochs": 6, "lr": 0.02, "beta": 0.3}), self.folder / "out")
        before, *_, after = self.losses(events)
        self.assertLess(after, before * 0.8)
        self.assertGreater(self.gain("out", self.liked()), self.gain("out", self.disliked()) + 1)

    def test_dpo_goes_on_from_an_sft_adapter_and_widens_its_preference(self) -> None:
        run(self.job("first"), self.folder / "sft")
        rows = {"train": support.preferences(support.pattern_rows(16)), "valid": support.preferences(support.pattern_rows(8, 500))}
        job = self.job("second", rows=rows, method="dpo", hyper={"epochs": 4}, adapter="adapter")
        (self.folder / "sft" / "peft").rename(job.parent / "adapter")
        events = run(job, self.folder / "out")
        before, *_, after = self.losses(events)
        self.assertLess(after, before - 0.1)
        self.assertGreater(self.gain("out", self.liked()), self.gain("out", self.disliked()) + 1)

    def test_a_run_that_never_beats_the_base_says_best_epoch_0(self) -> None:
        # Of what the base itself finds most likely, training can only lose.
        valid = [{**row, "completion": [*support.greedy(self.base, row["prompt"], 20), support.EOT]} for row in support.pattern_rows(8, 500)]
        events = run(self.job(rows={**sft_rows(), "valid": valid}, hyper={"epochs": 6, "lr": 0.05, "kl": 0.01, "patience": 1}), self.folder / "out")
        self.assertIn("early_stop", [event["event"] for event in events])
        self.assertEqual(events[-1]["best_epoch"], 0)


class Bits(Runs):
    def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(self) -> None:
        files = []
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            out = self.folder / f"out-{name}"
            run(self.job("job", hyper={"seed": seed}), out)
            files.append([digest(out / file) for file in ("adapter.gguf", "peft/adapter_model.safetensors", "peft/adapter_config.json")])
        self.assertEqual(files[0], files[1])
        self.assertNotEqual(files[0][0], files[2][0])

    def test_a_run_stopped_anywhere_and_resumed_gives_the_same_bytes(self) -> None:
        for method, rows, epochs in (
            ("sft", sft_rows(), 2),
            ("kto", {"train": support.thumbs(support.pattern_rows(24)), "valid": support.thumbs(support.pattern_rows(9, 500))}, 4),
        ):
            job = self.job(f"job-{method}", rows=rows, method=method, hyper={"epochs": epochs})
            run(job, self.folder / f"whole-{method}")
            out = self.folder / f"parts-{method}"
            # In the first epoch, at the end of one, and in the last.
            for steps in (2, 4, 5):
                ended = run(job, out, resume=True, stop_after=steps)[-1]
                self.assertEqual((ended["event"], ended.get("reason")), ("stopped", "cancelled"))
            events = run(job, out, resume=True)
            self.assertEqual(events[0]["resumed_at"], 11)
            self.assertEqual(digest(out / "adapter.gguf"), digest(self.folder / f"whole-{method}" / "adapter.gguf"))

    def test_sigterm_leaves_a_checkpoint_and_a_killed_run_goes_on_from_it(self) -> None:
        job = self.job(hyper={"epochs": 40})
        run(job, self.folder / "whole")
        out = self.folder / "out"
        code, events = self.process(job, out, signal.SIGTERM)
        self.assertEqual((code, events[-1]["event"], events[-1]["reason"]), (20, "stopped", "cancelled"))
        code, _ = self.process(job, out, signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        code, events = self.process(job, out, None)
        self.assertEqual((code, events[-1]["event"]), (0, "done"))
        self.assertGreater(events[0]["resumed_at"], 0)
        self.assertEqual(digest(out / "adapter.gguf"), digest(self.folder / "whole" / "adapter.gguf"))
        self.assertEqual(sorted(each.name for each in out.iterdir()), ["adapter.gguf", "events.jsonl", "job.json", "peft", "report.json"])
        again = run(job, out, resume=True)
        self.assertEqual(again, [events[-1]])

    def process(self, job: Path, out: Path, with_signal: int | None) -> tuple[int, list[dict]]:
        """A trainer of its own, given a signal after its tenth step."""
        command = [sys.executable, "-m", "engraft_trainer", "train", "--job", str(job), "--out", str(out), "--resume"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}) as child:
            events = []
            for line in child.stdout:
                events.append(json.loads(line))
                if with_signal is not None and sum(event["event"] == "step" for event in events) == 10:
                    child.send_signal(with_signal)
        return child.returncode, events

    def test_a_checkpoint_cut_off_while_it_was_written_is_passed_over(self) -> None:
        job = self.job()
        run(job, self.folder / "whole")
        out = self.folder / "out"
        run(job, out, stop_after=7)
        cut = out / "checkpoint-99"
        cut.mkdir()
        (cut / "trainer_state.json").write_text('{"global_step": 9')
        run(job, out, resume=True)
        self.assertEqual(digest(out / "adapter.gguf"), digest(self.folder / "whole" / "adapter.gguf"))


class Limits(Runs):
    def test_more_memory_than_allowed_stops_the_run_in_its_first_step(self) -> None:
        stopped = run(self.job(limits={"rss_mb": 10}), self.folder / "out")[-1]
        self.assertEqual((stopped["event"], stopped["reason"]), ("stopped", "memory"))

    def test_the_time_limit_ends_a_run_that_can_be_resumed(self) -> None:
        events = run(self.job(limits={"seconds": 0.5}, hyper={"epochs": 90}), self.folder / "out")
        self.assertEqual((events[-1]["reason"], "time limit" in events[-1]["why"]), ("cancelled", True))
        self.assertTrue(any((self.folder / "out").glob("checkpoint-*")))

    def test_a_base_with_a_weight_that_is_not_a_number_is_diverged(self) -> None:
        model = support.tiny_model("llama")
        model.model.layers[0].mlp.up_proj.weight.data[0, 0] = float("nan")
        self.base = write_base(self.folder / "nan.gguf", "llama", model)
        for valid in (True, False):
            rows = sft_rows() if valid else {key: value for key, value in sft_rows().items() if key != "valid"}
            out = self.folder / f"out-{valid}"
            stopped = run(self.job(f"job-{valid}", rows=rows), out)[-1]
            self.assertEqual((stopped["event"], stopped["reason"], stopped["step"]), ("stopped", "diverged", 1))
            self.assertFalse((out / "adapter.gguf").exists())


    def test_a_full_disk_is_said_and_leaves_nothing_that_looks_done(self) -> None:
        # A limit on the size of files stands in for the disk: below the weights', and between them and the optimizer's state.
        for limit in (10_000, 30_000):
            out = self.folder / f"out-{limit}"
            ended = subprocess.run(
                [sys.executable, "-m", "engraft_trainer", "train", "--job", str(self.job()), "--out", str(out)], check=False, capture_output=True, text=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}, preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            )
            stopped = json.loads(ended.stdout.splitlines()[-1])
            self.assertEqual((ended.returncode, stopped["event"], stopped["reason"]), (6, "stopped", "disk"), ended.stderr)
            self.assertFalse((out / "report.json").exists())


class BadInput(Runs):
    def refused(self, job: Path, out: str = "out", **options: object) -> dict:
        with contextlib.redirect_stderr(io.StringIO()):
            events = run(job, self.folder / out, **options)
        self.assertEqual([event["event"] for event in events], ["stopped"])
        return events[0]

    def test_rows_are_refused_with_their_line_and_never_cut(self) -> None:
        good = support.pattern_rows(4)
        for bad, why in (
            ({**good[0], "prompt": [9] * 40}, "more than max_len"),
            ({**good[0], "completion": [9, 9]}, "ends a turn"),
            ({**good[0], "completion": []}, "empty"),
            ({**good[0], "prompt": [support.VOCAB]}, "not a token id"),
            ({**good[0], "prompt": [True]}, "not a token id"),
            ({**good[0], "colour": 1}, "unknown key colour"),
            ({**good[0], "weight": 0}, "weight"),
            ({"id": "x", "prompt": [3]}, "missing"),
        ):
            with self.subTest(why):
                job = self.job("job", rows={"train": [*good, {**bad, "id": "bad"}], "replay": support.replay_rows(3)}, hyper={"max_len": 24})
                stopped = self.refused(job, f"out-{why[:6]}-{len(list(self.folder.iterdir()))}")
                self.assertEqual((stopped["reason"], stopped["line"]), ("bad_input", 5))
                self.assertIn(why, stopped["why"])

    def test_unknown_keys_and_wrong_values_of_a_job_are_named(self) -> None:
        for over, why in (
            ({"colour": 1}, "unknown key colour"), ({"hyper": {"learning_rate": 1}}, "unknown key hyper.learning_rate"), ({"hyper": {"epochs": 0}}, "hyper.epochs"),
            ({"hyper": {"batch": 1.5}}, "hyper.batch"), ({"hyper": {"amp": "fp8"}}, "hyper.amp"), ({"hyper": {"targets": ["lm_head"]}}, "hyper.targets"), ({"method": "ppo"}, "method"),
            ({"method": "dpo"}, "adapter"), ({"limits": {"threads": True}}, "limits.threads"), ({"eot": []}, "eot"), ({"run_id": "../x"}, "run_id"), ({"qk": "maybe"}, "qk"),
        ):
            with self.subTest(why):
                stopped = self.refused(self.job(**over), f"out-{len(list(self.folder.iterdir()))}")
                self.assertEqual(stopped["reason"], "bad_input")
                self.assertIn(why, stopped["why"])

    def test_sft_without_replayed_answers_has_to_say_that_it_gives_up_the_base(self) -> None:
        rows = {"train": support.pattern_rows(8)}
        self.assertIn("hyper.kl", self.refused(self.job("a", rows=rows), "a-out")["why"])
        self.assertEqual(run(self.job("b", rows=rows, hyper={"kl": 0}), self.folder / "b-out")[-1]["event"], "done")

    def test_data_altered_after_the_job_was_made_are_refused(self) -> None:
        job = self.job()
        with (job.parent / "train.jsonl").open("a") as file:
            file.write("\n")
        self.assertIn("data.train", self.refused(job)["why"])

    def test_a_row_in_two_splits_and_an_empty_split_are_refused(self) -> None:
        self.assertIn("and in data.valid", self.refused(self.job("a", rows={**sft_rows(), "valid": support.pattern_rows(1)}), "a-out")["why"])
        self.assertIn("valid.jsonl has no rows", self.refused(self.job("b", rows={**sft_rows(), "valid": []}), "b-out")["why"])

    def test_another_base_and_one_that_pytorch_cannot_load_are_bad_bases(self) -> None:
        self.assertEqual(self.refused(self.job("a", base_sha256="0" * 64), "a-out")["reason"], "bad_base")
        (self.folder / "cut.gguf").write_bytes(self.base.read_bytes()[:1000])
        for name, content in (("cut", None), ("smollm3", "smollm3")):
            if content:
                self.base.with_name("smollm3.gguf").write_bytes(self.base.read_bytes().replace(b"llama", b"smol3"))
            self.base = self.folder / f"{name}.gguf"
            self.assertEqual(self.refused(self.job(name), f"{name}-out")["reason"], "bad_base")

    def test_links_and_pickles_in_a_job_folder_are_refused(self) -> None:
        for number, make in enumerate((
            lambda folder: (folder / "link.jsonl").symlink_to(self.base),
            lambda folder: (folder / "code.pkl").write_bytes(b"\x80\x04."),
            lambda folder: (folder / "hidden.json").write_bytes(b"PK\x03\x04rest"),
        )):
            job = self.job(f"job{number}")
            make(job.parent)
            self.assertRegex(self.refused(job, f"out{number}")["why"], "symbolic link|may hold code")

    def test_the_folder_of_another_run_is_never_written_to(self) -> None:
        run(self.job("a"), self.folder / "out")
        before = digest(self.folder / "out" / "adapter.gguf")
        self.assertIn("--resume", self.refused(self.job("a"))["why"])
        self.assertIn("another job", self.refused(self.job("b", hyper={"seed": 5}), resume=True)["why"])
        self.assertEqual(digest(self.folder / "out" / "adapter.gguf"), before)
        self.assertTrue(load_file(self.folder / "out" / "peft" / "adapter_model.safetensors"))


if __name__ == "__main__":
    unittest.main()
