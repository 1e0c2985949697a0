"""The plugin beside vLLM: it is found, guards its version, and refuses at the start what the model cannot do."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines import mllama
from pipeline.engines.mllama import version
from tests.mllama import tiny_mllama

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mllama(tmp_path_factory.mktemp("plugin") / "tiny")


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the plugin logs."""
    from pipeline.engines.mllama import interfaces

    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.levelname} {record.getMessage()}")

    kept = Kept()
    interfaces.logger.addHandler(kept)
    yield lines
    interfaces.logger.removeHandler(kept)


def config_of(folder: Path, **told: Any) -> Any:
    """All that vLLM knows before it loads a model."""
    from vllm import EngineArgs

    plain = {"dtype": "float32", "max_model_len": 512, "enforce_eager": True}
    return EngineArgs(str(folder), **(plain | told)).create_engine_config()


def test_vllm_finds_the_plugin_by_itself() -> None:
    program = (
        "from vllm.plugins import load_general_plugins; load_general_plugins()\n"
        "from vllm import ModelRegistry; print(sorted(ModelRegistry.get_supported_archs()))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert version.ARCHITECTURE in told.stdout


def test_the_vllm_that_is_installed_has_all_that_the_plugin_needs() -> None:
    from pipeline.engines.mllama import interfaces

    assert interfaces.wrong() == []


def test_another_version_that_has_everything_is_used_with_a_warning(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    from pipeline.engines.mllama import interfaces

    monkeypatch.setattr(version, "TESTED", ("0.1",))
    assert interfaces.usable()
    (line,) = said
    assert line.startswith("WARNING") and version.vllm_version() in line


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (("vllm.no_such_module", "Thing", ()), "vllm.no_such_module.Thing is gone"),
        (("vllm.forward_context", "ForwardContext.nothing", ()), "ForwardContext.nothing is gone"),
        (("vllm.forward_context", "ForwardContext", ("attn_metadata", "blue")), "ForwardContext has no blue"),
        (("vllm.v1.core.sched.scheduler", "Scheduler.schedule", ("speed",)), "Scheduler.schedule has no speed"),
    ],
)
def test_another_version_that_lacks_something_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, said: list[str], gone: tuple[str, str, tuple[str, ...]], told: str
) -> None:
    from pipeline.engines.mllama import interfaces

    monkeypatch.setattr(version, "TESTED", ("0.1",))
    monkeypatch.setattr(interfaces, "REQUIRED", (*interfaces.REQUIRED, interfaces.Required(*gone)))
    monkeypatch.setattr(interfaces, "add_model", lambda *_: pytest.fail("it was registered all the same"))
    mllama.register()
    (line,) = said
    assert line.startswith("ERROR") and told in line


def test_a_configuration_is_grown_once_however_often_it_is_copied(folder: Path) -> None:
    from pipeline.engines.mllama.config import EXTRA_ROWS, MllamaConfig

    first = MllamaConfig.from_pretrained(folder)
    again = MllamaConfig.from_dict(first.to_dict())
    assert first.text_config.vocab_size == first.text_config.spoken_vocab_size + EXTRA_ROWS
    assert again.text_config.vocab_size == first.text_config.vocab_size
    assert again.is_encoder_decoder and again.max_source_positions == 4 * 17


def test_vllm_plans_with_an_image_that_has_its_own_cache(folder: Path) -> None:
    made = config_of(folder)
    assert made.model_config.is_encoder_decoder
    assert not made.cache_config.enable_prefix_caching and not made.scheduler_config.enable_chunked_prefill


def test_chunked_prefill_is_switched_off_even_where_it_is_asked_for(folder: Path) -> None:
    assert not config_of(folder, enable_chunked_prefill=True).scheduler_config.enable_chunked_prefill


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"enable_prefix_caching": True}, "--enable-prefix-caching"),
        ({"enable_lora": True}, "--enable-lora"),
        ({"speculative_config": {"method": "ngram", "num_speculative_tokens": 2}}, "--speculative-config"),
        ({"pipeline_parallel_size": 2}, "--pipeline-parallel-size"),
        ({"enable_mm_embeds": True}, "--enable-mm-embeds"),
        ({"limit_mm_per_prompt": {"image": 0}}, "--limit-mm-per-prompt image 0"),
        ({"tensor_parallel_size": 4}, "--tensor-parallel-size 4: it must divide the model's 2 key heads"),
        ({"hf_overrides": {"reference": "mata"}}, "'mata' is none of meta, transformers"),
    ],
)
def test_what_the_model_cannot_do_is_refused_at_the_start(folder: Path, asked: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError) as error:
        config_of(folder, **asked)
    line = [line for line in str(error.value).splitlines() if named in line]
    assert len(line) == 1


def test_the_engine_says_where_the_plugin_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.engines.vllm import VllmEngine
    from pipeline.settings import Settings

    settings = Settings(engine="vllm", model=str(folder))
    assert VllmEngine.probe(settings) == []
    monkeypatch.setenv("VLLM_PLUGINS", "lora_hf_hub_resolver")
    (told,) = VllmEngine.probe(settings)
    assert "VLLM_PLUGINS=lora_hf_hub_resolver leaves out" in told and "→" in told
