"""Vision models through vLLM in the Worker's own process: `AsyncLLM`, a full batch, guided decoding."""

import asyncio
import contextlib
import hashlib
import os
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.engines.answer import Piece
from pipeline.engines.base import Engine, PageRequest
from pipeline.engines.compiling import compile_grammars
from pipeline.engines.fit import cores_for, engine_args, fit, visible_gpus
from pipeline.engines.guided import FORMS, REPETITION, Ask, Completion, GuidedReader, identity_of
from pipeline.engines.mllama.version import ARCHITECTURE, TESTED, is_tested, vllm_version
from pipeline.engines.profiles import Profile, profile_for
from pipeline.errors import DocumentError, EngineDied, Reason, RunError, UsageError, one_line
from pipeline.grammar import answer_schema
from pipeline.records import Identity, PageAnswer
from pipeline.settings import Settings
from schemas.base import Schema

ENDS = 1 << 20
"""Bytes at either end of a model's file that tell it from others."""

AHEAD = 8
"""Pages that wait in the engine beside those in its batch, so that a place in it is filled at once."""

INSTALL = "make setup-vllm installs it; on a machine without a GPU --engine ocr, or --engine openai with a server elsewhere"


GUIDED: dict[str, Any] = {
    # Each page's image is seen once: nothing of it is worth keeping.
    "mm_processor_cache_gb": 0,
    "enable_prefix_caching": False,
    "disable_log_stats": True,
    # The model's own sampling settings must not touch greedy decoding.
    "generation_config": "vllm",
    # Per request it would be ignored; without it models loop on white space.
    "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
}
"""What vLLM is started with, whatever the model."""

QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_CONFIGURE_LOGGING": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


class VllmEngine(Engine):
    """One model on its GPUs; the engine's core is a process of its own, and dies with the Worker."""

    needs_images = True

    def __init__(self, schema: Schema, settings: Settings) -> None:
        super().__init__(schema, settings)
        self._schema = schema
        self._settings = settings
        self._profile = _profile(settings)
        self._fit = fit(self._profile, visible_gpus())
        self.max_in_flight = self._fit.max_num_seqs + AHEAD
        self._reader = GuidedReader(self, schema, settings)
        self._llm: Any = None

    @staticmethod
    def identity(schema: Schema, settings: Settings) -> Identity:
        """Model, revision, prompt and grammar. How its weights are quantised follows from the GPUs, and is not in it."""
        profile = _profile(settings)
        revision = settings.revision or profile.revision or _folder_revision(Path(profile.model))
        # What of a profile changes answers; the rest only makes it fit.
        more = repr((profile.dtype, profile.max_model_len, sorted(profile.engine.items())))
        return identity_of(profile.model, revision, schema, settings, more)

    @staticmethod
    def settle(settings: Settings) -> Settings:
        """The size of a page's image, as the model's profile says."""
        return settings if settings.image_px else settings.model_copy(update={"image_px": _profile(settings).image_px})

    @staticmethod
    def slot_gpus(settings: Settings) -> int:
        """The GPUs that the profile takes here."""
        return fit(_profile(settings), visible_gpus()).gpus

    @staticmethod
    def facts(settings: Settings) -> dict[str, str]:
        """The model, its licence, where its files are, its size here, and the cores that keep it busy."""
        gpus = visible_gpus()
        cards = ", ".join(f"{gpu.name} {gpu.memory_gb:.0f} GB" for gpu in gpus)
        told = {"vLLM": vllm_version() or "not installed", "GPUs": cards or "none"}
        with contextlib.suppress(RunError, UsageError):  # `probe` says what is wrong
            profile = _profile(settings)
            told |= {"model": profile.model, "licence": f"{profile.licence}: {profile.licence_limits}"}
            told["files"] = _where(profile.model)
            fitted = fit(profile, gpus)
            cores = cores_for(fitted, settings.words)
            told["memory"] = fitted.arithmetic
            told["CPU cores"] = f"{cores} for one engine with words {settings.words}, about; this machine has {os.cpu_count()}"
        return told

    @staticmethod
    def probe(settings: Settings) -> list[str]:
        """Whether vLLM is there, knows the model, has its files, and whether it fits; on a cluster only Workers can tell."""
        if settings.ray_address:
            return []
        if find_spec("vllm") is None:
            return [f"vLLM is not installed → {INSTALL}"]
        try:
            profile = _profile(settings)
        except UsageError as error:
            return [f"{error.message} → {error.next_step}"]
        missing = [*_plugin_missing(profile), *_files_missing(profile)]
        try:
            fit(profile, visible_gpus())
        except (RunError, UsageError) as error:
            missing.append(f"{error.message} → {error.next_step}")
        return missing

    async def start(self) -> None:
        """Load the model, and compile the grammar beside it; raises RunError where either fails."""
        os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
        settings, model = self._settings, self._profile.model
        revision = "" if Path(model).is_dir() else settings.revision or self._profile.revision
        grammars = [answer_schema(self._schema, bounded=bounded) for bounded in FORMS]
        self.notice(f"loading {model} …")
        compiling = asyncio.ensure_future(compile_grammars(grammars, model, revision, settings.compile_timeout_s))
        try:
            await asyncio.to_thread(self._load, revision)
            await compiling
        except BaseException:
            compiling.cancel()
            await asyncio.gather(compiling, return_exceptions=True)  # its process ends with it
            self.close()
            raise
        self._params = dict(zip(FORMS, map(sampling, grammars), strict=True))

    async def read(self, request: PageRequest) -> PageAnswer:
        """One page, by the rules of `guided`."""
        return await self._reader.read(request)

    async def picture(self, image: Any) -> Any:
        """The array as a picture; nothing is encoded."""
        from PIL import Image

        return Image.fromarray(image)

    async def complete(self, ask: Ask) -> Completion:
        """One answer of the model."""
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            async with asyncio.timeout(self._settings.answer_timeout_s):
                return await self._generate(ask)
        except TimeoutError as error:
            limit = self._settings.answer_timeout_s
            raise DocumentError(Reason.TIMEOUT, f"no answer after answer_timeout_s = {limit:g} s") from error
        except EngineDeadError as error:
            raise EngineDied(str(error)) from error
        except EngineGenerateError as error:
            raise DocumentError(Reason.ENGINE_FAILED, f"vLLM failed: {one_line(error.__cause__ or error)}") from error
        except (VLLMClientError, ValueError) as error:
            raise DocumentError(Reason.ENGINE_REFUSED, f"vLLM: {one_line(error)}") from error

    def close(self) -> None:
        """End the engine's core and give its memory back."""
        if self._llm is not None:
            self._llm.shutdown()
            self._llm = None

    async def _rendered(self, ask: Ask) -> Any:
        """The chat as tokens, with the picture's; vLLM's own renderer does it, as its server would."""
        from vllm.renderers import ChatParams

        content = [{"type": "image_pil", "image_pil": ask.picture}, {"type": "text", "text": ask.prompt}]
        # The server and `LLM.chat` say by themselves that it is the model's turn; the renderer alone does not.
        chat = ChatParams(chat_template_kwargs={"add_generation_prompt": True})
        _, (prompt,) = await self._llm.renderer.render_chat_async([[{"role": "user", "content": content}]], chat)
        return prompt

    async def _generate(self, ask: Ask) -> Completion:
        prompt = await self._rendered(ask)
        params = self._params[ask.bounded].clone()
        room = self._fit.max_model_len - len(prompt["prompt_token_ids"])
        params.max_tokens = max(min(ask.most_tokens, room), 1)
        async for output in self._llm.generate(prompt, params, uuid.uuid4().hex):
            final = output
        (given,) = final.outputs
        pieces = tuple(
            Piece(told[token].decoded_token or "", told[token].logprob)
            for token, told in zip(given.token_ids, given.logprobs or (), strict=False)
        )
        return Completion(
            text=given.text,
            finish=_finish(given),
            pieces=pieces,
            tokens_in=len(final.prompt_token_ids or ()),
            tokens_out=len(given.token_ids),
        )

    def _load(self, revision: str) -> None:
        from vllm import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        if not is_tested():
            self.notice(f"vLLM {vllm_version()} is not a tested one ({', '.join(TESTED)}); if pages fail, install that")
        log = self._settings.state_dir / f"vllm-{os.getpid()}.log"
        args = AsyncEngineArgs(revision=revision or None, **{**engine_args(self._profile, self._fit), **GUIDED})
        try:
            with _output_to(log):
                self._llm = AsyncLLM.from_engine_args(args)
        except Exception as error:
            why = one_line(_last_error(log) or error)
            raise RunError(f"vLLM cannot load {self._profile.model}: {why}", f"its log is {log}") from error


def sampling(grammar: dict[str, Any]) -> Any:
    """How vLLM decodes: greedily under the grammar, each token with its log-probability, until it repeats itself."""
    from vllm import SamplingParams
    from vllm.sampling_params import RepetitionDetectionParams, RequestOutputKind, StructuredOutputsParams

    return SamplingParams(
        temperature=0.0,
        logprobs=0,
        output_kind=RequestOutputKind.FINAL_ONLY,
        structured_outputs=StructuredOutputsParams(json=grammar),
        repetition_detection=RepetitionDetectionParams(**REPETITION),
    )


def _profile(settings: Settings) -> Profile:
    return profile_for(settings.model, settings.profiles)


def _plugin_missing(profile: Profile) -> list[str]:
    """Llama 3.2 Vision left vLLM after 0.10.2; octoglot's plugin brings it back, where vLLM finds it and is near enough."""
    if profile.architecture != ARCHITECTURE:
        return []
    if "mllama" not in {plugin.name for plugin in entry_points(group="vllm.general_plugins")}:
        return ["the plugin that serves Llama 3.2 Vision is not registered with this Python → make setup, or pip install -e ."]
    chosen = os.environ.get("VLLM_PLUGINS")
    if chosen is not None and "mllama" not in chosen.split(","):
        return [f"VLLM_PLUGINS={chosen} leaves out the plugin that serves Llama 3.2 Vision → add mllama to it"]
    if is_tested():
        return []
    from pipeline.engines.mllama import interfaces

    return [f"{told} in vLLM {vllm_version()} → install vLLM {' or '.join(TESTED)}" for told in interfaces.wrong()]


def _files_missing(profile: Profile) -> list[str]:
    folder = Path(profile.model)
    if not folder.is_dir():
        return []
    missing = [name for name in ("config.json", "tokenizer_config.json") if not (folder / name).is_file()]
    if not any(folder.glob("*.safetensors")):
        missing.append("*.safetensors")
    return [f"the folder {folder} lacks {', '.join(missing)} → download the whole model into it"] if missing else []


def _where(model: str) -> str:
    """Where the model's files are, for people."""
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE", f"{home}/hub")).expanduser() / f"models--{model.replace('/', '--')}"
    if Path(model).is_dir():
        return f"the folder {model}"
    if any(cache.glob("snapshots/*/*.safetensors")):
        return f"in {cache}"
    return "not on this machine yet: the first run downloads them (HF_TOKEN for a model behind a licence)"


def _folder_revision(folder: Path) -> str:
    """16 hex digits of what a model's folder holds; empty where it is no folder.

    Its JSON and templates whole, of its weights names, sizes and both ends: another training changes the last layers too, and
    hashing 200 GB at every command would take minutes.
    """
    if not folder.is_dir():
        return ""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix not in (".json", ".jinja", ".model", ".safetensors"):
            continue
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as content:
            digest.update(content.read(ENDS))
            content.seek(max(size - ENDS, 0))
            digest.update(content.read(ENDS))
    return digest.hexdigest()[:16]


def _finish(given: Any) -> Any:
    """Why the answer ended; raises DocumentError where that was the engine's doing."""
    if given.finish_reason in ("error", "abort"):
        raise DocumentError(Reason.ENGINE_FAILED, f"vLLM ended the answer: {given.finish_reason}")
    return given.finish_reason if given.finish_reason in ("length", "repetition") else "stop"


@contextlib.contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """What this process and those it starts write goes to `log`; this one's own output comes back afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        for place, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, place)
            os.close(descriptor)


def _last_error(log: Path) -> str:
    """The last line of the log that names an error."""
    with contextlib.suppress(OSError):
        lines = [line.rpartition("] ")[2].strip() for line in log.read_text("utf-8", "replace").splitlines()]
        told = [line for line in lines if line.partition(":")[0].endswith(("Error", "Exception")) and "Engine core" not in line]
        return told[-1] if told else ""
    return ""
