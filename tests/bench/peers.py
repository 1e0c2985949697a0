"""Peers for the saturation bench: vLLM's own batch command and Ray Data LLM, over the same pages under the same grammar.

Both load the model each time, so what counts is how much longer they take over more pages.
"""

import base64
import io
import json
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from flows.quiet import set_up
from pipeline.engines.guided import REPETITION
from tests.bench.arms import engine_arguments
from tests.bench.work import Answer, Page, Turn, Work, grammar, pages_of


class Peer(ABC):
    """Reads the pages of the warm-up alone, then those and the timed ones, and counts the difference."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.arguments = engine_arguments(work)
        self._few: list[Page] = []
        self._few_s = 0.0

    def read(self, paths: Sequence[str]) -> Turn:
        """The first reading is the few pages; every other says what its pages add to them."""
        pages = list(pages_of(paths, self.work.settings))
        seconds, answers = self.run([*self._few, *pages])
        turn = Turn(seconds - self._few_s, dict(zip([page.name for page in pages], answers[len(self._few) :], strict=True)))
        if not self._few:
            self._few, self._few_s = pages, seconds
        return turn

    def close(self) -> None:  # noqa: B027 – an arm must have it
        """It holds nothing."""

    @abstractmethod
    def run(self, pages: Sequence[Page]) -> tuple[float, list[Answer]]:
        """Load, read, and end; gives the seconds of that, and the answers in the order of the pages."""


class RunBatch(Peer):
    """`python -m vllm.entrypoints.openai.run_batch`."""

    def run(self, pages: Sequence[Page]) -> tuple[float, list[Answer]]:
        """One file of requests, images as base64, which is written before the clock starts."""
        asked, told = (Path(self.work.scratch) / f"batch-{name}.jsonl" for name in ("in", "out"))
        request = {"method": "POST", "url": "/v1/chat/completions"}
        lines = [request | {"custom_id": str(place), "body": body(page, self.work)} for place, page in enumerate(pages)]
        asked.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
        command = (sys.executable, "-m", "vllm.entrypoints.openai.run_batch", "-i", str(asked), "-o", str(told))
        started = time.perf_counter()
        subprocess.run([*command, *flags(self.arguments)], check=True)
        seconds = time.perf_counter() - started
        done = {line["custom_id"]: line for line in map(json.loads, told.read_text(encoding="utf-8").splitlines())}
        if bad := [line for line in done.values() if line.get("error") or line["response"]["status_code"] != 200]:
            raise SystemExit(f"{len(bad)} of {len(done)} requests failed: {bad[0]}")
        answers = [done[str(place)]["response"]["body"] for place in range(len(pages))]
        return seconds, [
            Answer(said["usage"]["prompt_tokens"], said["usage"]["completion_tokens"], said["choices"][0]["message"]["content"])
            for said in answers
        ]


class RayData(Peer):
    """Ray Data LLM's processor with its engine stage alone: prompts and images are handed to it as the engine takes them.

    The stage that would take chats apart needs an older vLLM: Ray 2.60 imports vllm.entrypoints.chat_utils, which 0.32 has not.
    """

    def run(self, pages: Sequence[Page]) -> tuple[float, list[Answer]]:
        """A row a page. Needs pandas, which Ray Data imports and octoglot does not install."""
        set_up(Path(self.work.scratch) / "state", "")
        import ray
        from ray.data.llm import build_processor, vLLMEngineProcessorConfig

        ray.init(address="local", num_cpus=3, include_dashboard=False, log_to_driver=False)
        whole = {name: value for name, value in self.arguments.items() if name != "model"}
        config = vLLMEngineProcessorConfig(
            model_source=self.arguments["model"],
            engine_kwargs=whole,
            batch_size=self.arguments["max_num_seqs"],
            concurrency=1,
            chat_template_stage=False,
            tokenize_stage=False,
            detokenize_stage=False,
            log_engine_metrics=False,
            placement_group_config=None if self.work.core is None else {"bundles": [{"CPU": 1}]},
        )
        processor = build_processor(config, preprocess=_row, postprocess=_told)
        rows = [
            {"place": place, "tokens": tokens, "image": pages[place].image} for place, tokens in enumerate(self._tokens(pages))
        ]
        params = {"max_tokens": self.work.answer_tokens, "grammar": json.dumps(grammar())}
        started = time.perf_counter()
        try:
            told = processor(ray.data.from_items([row | params for row in rows])).take_all()
        finally:
            ray.shutdown()
        seconds = time.perf_counter() - started
        return seconds, [Answer(said["in"], said["out"], said["said"]) for said in sorted(told, key=lambda said: said["place"])]

    def _tokens(self, pages: Sequence[Page]) -> Iterator[list[int]]:
        """Each page's prompt by the model's own chat template; as text it would get the token of the beginning twice."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.arguments["model"])
        for page in pages:
            content = [{"type": "image"}, {"type": "text", "text": page.prompt}]
            chat = [{"role": "user", "content": content}]
            prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
            yield tokenizer(prompt, add_special_tokens=False).input_ids


def _row(row: dict[str, Any]) -> dict[str, Any]:
    decoding = {"temperature": 0, "logprobs": 0, "max_tokens": row["max_tokens"]}
    return {
        "place": row["place"],
        "tokenized_prompt": row["tokens"],
        "multimodal_data": {"image": row["image"]},
        "sampling_params": decoding | {"structured_outputs": {"json": row["grammar"]}},
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    told = {"in": row["num_input_tokens"], "out": row["num_generated_tokens"], "said": row["generated_text"]}
    return told | {"place": row["place"]}


def body(page: Page, work: Work) -> dict[str, Any]:
    """The request for a page, as an OpenAI-compatible server takes it."""
    content = [{"type": "image_url", "image_url": {"url": data_url(page.image)}}, {"type": "text", "text": page.prompt}]
    return {
        "model": engine_arguments(work)["model"],
        "messages": [{"role": "user", "content": content}],
        "temperature": 0,
        "max_completion_tokens": work.answer_tokens,
        "logprobs": True,
        "top_logprobs": 0,
        "repetition_detection": REPETITION,
        "response_format": {"type": "json_schema", "json_schema": {"name": "page", "schema": grammar(), "strict": True}},
    }


def data_url(image: Image.Image) -> str:
    """The image as PNG in base64; nothing of it is lost."""
    written = io.BytesIO()
    image.save(written, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"


def flags(arguments: dict[str, Any]) -> Iterator[str]:
    """Engine arguments as the words of a command; None is left out."""
    for name, value in arguments.items():
        flag = name.replace("_", "-")
        if value is True or value is False:
            yield f"--{flag}" if value else f"--no-{flag}"
        elif value is not None:
            yield f"--{flag}={json.dumps(value) if isinstance(value, dict) else value}"
