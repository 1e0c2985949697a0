import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from pipeline.engines.fit import Fit, Gpu, cores_for, engine_args, fit, machine_ram_gb, visible_gpus
from pipeline.engines.profiles import Profile, Quantization, Variant, load_profiles, profile_for
from pipeline.errors import RunError, UsageError

BUILT_IN = load_profiles()
LLAMA = BUILT_IN["llama-3.2-11b-vision"]
QWEN = BUILT_IN["qwen3-vl-8b"]
VARIANTS = [
    pytest.param(profile, variant, id=f"{name}-{variant}") for name, profile in BUILT_IN.items() for variant in profile.variants
]

MLLAMA_CONFIG = {
    "architectures": ["MllamaForConditionalGeneration"],
    "torch_dtype": "bfloat16",
    "text_config": {
        "num_hidden_layers": 40,
        "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38],
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "hidden_size": 4096,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
    },
    "vision_config": {"image_size": 560, "patch_size": 14, "max_num_tiles": 4},
}
QWEN_CONFIG = {
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "text_config": {
        "dtype": "float32",
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "hidden_size": 128,
        "vocab_size": 1000,
        "max_position_embeddings": 4096,
    },
    "vision_config": {"patch_size": 16, "spatial_merge_size": 2},
}
PLAIN_CONFIG = {"architectures": ["SomethingElse"], "num_hidden_layers": 4, "num_attention_heads": 8, "hidden_size": 512}


def model_folder(home: Path, config: object, *, total_size: int = 0, weights: int = 0) -> str:
    (home / "config.json").write_text(json.dumps(config))
    if total_size:
        (home / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total_size}}))
    if weights:
        (home / "model.safetensors").write_bytes(b"\0" * weights)
    return str(home)


def only(profile: Profile, *variants: Variant) -> Profile:
    return profile.model_copy(update={"variants": variants})


@pytest.mark.parametrize(
    ("name", "weights_gb", "token_kib", "image_mb"),
    [("llama-3.2-11b-vision", 21.3, 128, 210), ("llama-3.2-90b-vision", 177.2, 320, 525), ("qwen3-vl-8b", 17.5, 144, 0)],
)
def test_sizes(name: str, weights_gb: float, token_kib: int, image_mb: int) -> None:
    profile = BUILT_IN[name]
    assert profile.weight_bytes("none") / 1e9 == pytest.approx(weights_gb, abs=0.05)
    assert profile.token_bytes == token_kib * 1024
    assert profile.image_token_bytes * profile.image_tokens / 1e6 == pytest.approx(image_mb, abs=0.5)


def test_fp8_halves_all_but_embeddings_head_and_vision_tower() -> None:
    assert LLAMA.weight_bytes("fp8_per_tensor") == pytest.approx(LLAMA.parameters + LLAMA.parameters_16bit)


@pytest.mark.parametrize(("profile", "variant"), VARIANTS)
def test_each_variant_fits_its_own_gpus(profile: Profile, variant: Variant) -> None:
    found = fit(only(profile, variant), [Gpu("a card", variant.gpu_gb)] * variant.gpus)
    cores = {words: cores_for(found, words) for words in ("none", "text-layer", "ocr")}
    print(
        f"{profile.name:21} {variant!s:15} {found.max_num_seqs:4} pages at once, {found.pages_per_s:2g} a second, cores {cores}"
    )
    assert (found.gpus, found.quantization or "none") == (variant.gpus, variant.quantization)
    assert found.max_num_seqs >= 4
    assert found.pages_per_s == variant.pages_per_s


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_each_profile_tells_its_licence(name: str) -> None:
    profile = BUILT_IN[name]
    assert profile.licence
    assert ("EU" in profile.licence_limits) == name.startswith("llama-3.2")


def test_a_card_between_the_variants_takes_the_best_that_fits() -> None:
    assert fit(LLAMA, [Gpu("A100", 42.9)]).quantization is None
    assert fit(LLAMA, [Gpu("L4", 24.15)]).quantization == "fp8_per_tensor"
    assert fit(LLAMA, [Gpu("A4000", 16.8)] * 2).gpus == 2


def test_the_smallest_card_counts() -> None:
    assert fit(LLAMA, [Gpu("H100", 85.5), Gpu("L4", 24.15)]).quantization == "fp8_per_tensor"


def test_a_worker_that_sees_only_its_slot_comes_to_the_same() -> None:
    profile = BUILT_IN["llama-3.2-90b-vision"]
    machine = [Gpu("H100", 85.5)] * 8
    found = fit(profile, machine)
    assert found.gpus == 4
    assert fit(profile, machine[: found.gpus]) == found


def test_unquantised_11b_on_24_gb_is_refused_with_figures_and_a_way_out() -> None:
    with pytest.raises(RunError) as caught:
        fit(only(LLAMA, Variant(gpus=1, gpu_gb=48)), [Gpu("L4", 24.0)])
    for figure in ("24.0 GB", "21.2 GB", "weights in bfloat16 21.3 GB", "2.2 GB are missing", "210 MB for its image"):
        assert figure in caught.value.message
    for step in ("fp8_per_tensor", "1x48 GB", "qwen3-vl-8b"):
        assert step in caught.value.next_step
    assert "90b" not in caught.value.next_step


def test_room_is_the_rest_of_the_memory_by_the_bytes_of_a_page() -> None:
    found = fit(LLAMA, [Gpu("a card", 48.0)])
    page = 4096 * 131072 + 6404 * 32768
    rest = 0.9 * (48.0 - 0.5) * 1e9 - 2 * LLAMA.parameters - 2e9
    assert found.max_num_seqs == found.room == int(rest / page)
    assert found.kv_cache_gb == pytest.approx(rest / 1e9)


def test_there_is_a_most_of_pages_at_once() -> None:
    assert fit(BUILT_IN["qwen3-vl-4b"], [Gpu("a card", 1000.0)]).max_num_seqs == 256


def test_one_long_page_must_fit() -> None:
    long = LLAMA.model_copy(update={"max_model_len": 131072})
    assert fit(LLAMA, [Gpu("L4", 24.15)]).room
    with pytest.raises(RunError, match="the longest 21"):
        fit(long, [Gpu("L4", 24.15)])


@pytest.mark.parametrize(("length", "batched"), [(4096, 6404), (8192, 8192)])
def test_cross_attention_takes_a_whole_page_in_one_batch(length: int, batched: int) -> None:
    profile = LLAMA.model_copy(update={"max_model_len": length})
    args = engine_args(profile, fit(profile, [Gpu("a card", 80.0)]))
    assert args["max_num_batched_tokens"] == batched
    assert (args["enable_chunked_prefill"], args["enable_prefix_caching"]) == (False, False)
    assert args["attention_backend"] == "FLASH_ATTN"


@pytest.mark.vllm
@pytest.mark.parametrize("gpus", [[], [Gpu("a card", 320.0)]], ids=["cpu", "gpu"])
def test_vllm_knows_the_names_of_all_arguments(gpus: list[Gpu]) -> None:
    known = {field.name for field in fields(pytest.importorskip("vllm").AsyncEngineArgs)}
    for profile in BUILT_IN.values():
        assert engine_args(profile, fit(profile, gpus, ram_gb=400)).keys() <= known


@pytest.mark.vllm
@pytest.mark.parametrize("kind", [kind for kind in get_args(Quantization) if kind != "none"])
def test_vllm_makes_these_quantisations_on_loading(kind: str) -> None:
    assert kind in pytest.importorskip("vllm.config.quantization").ONLINE_QUANT_SHORTHAND_NAMES


def test_other_models_keep_what_vllm_does_by_itself() -> None:
    args = engine_args(QWEN, fit(QWEN, [Gpu("a card", 80.0)]))
    assert not {"enable_chunked_prefill", "enable_prefix_caching", "attention_backend", "enforce_eager"} & args.keys()
    assert (args["model"], args["limit_mm_per_prompt"]) == (QWEN.model, {"image": 1, "video": 0})


def test_nothing_is_checked_of_an_id_that_nobody_knows() -> None:
    found = fit(profile_for("someone/some-model"), [Gpu("a card", 80.0)] * 2)
    assert (found.gpus, found.max_num_seqs) == (1, 32)
    assert "nothing is checked" in found.arithmetic


def test_on_the_cpu_a_few_pages_at_once() -> None:
    found = fit(BUILT_IN["qwen3-vl-4b"], [], ram_gb=64)
    assert (found.gpus, found.tensor_parallel, found.max_num_seqs) == (0, 1, 8)
    args = engine_args(BUILT_IN["qwen3-vl-4b"], found)
    assert args["kv_cache_memory_bytes"] == 8 * BUILT_IN["qwen3-vl-4b"].page_bytes
    assert "gpu_memory_utilization" not in args


def test_on_the_cpu_too_a_model_must_fit() -> None:
    with pytest.raises(RunError, match=r"no GPU is visible; 0.8 of 16.0 GB .* weights in bfloat16 21.3 GB") as caught:
        fit(LLAMA, [], ram_gb=16)
    assert "1x24 GB fp8_per_tensor" in caught.value.next_step


def test_the_machine_has_memory() -> None:
    assert 0.1 < machine_ram_gb() < 100_000


def slot(gpus: int, pages_per_s: float) -> Fit:
    return Fit(gpus, "bfloat16", None, 0.9, 8192, 8, 8192, 8, 1.0, pages_per_s, "")


@pytest.mark.parametrize(
    ("gpus", "words", "cores"),
    [
        (1, "none", 1 + 3),
        (1, "text-layer", 2 + 3),
        (1, "ocr", 21 + 3),
        (1, "auto", 21 + 3),
        (4, "none", 1 + 6),
        (0, "none", 1 + 1),
    ],
)
def test_cores(gpus: int, words: str, cores: int) -> None:
    assert cores_for(slot(gpus, 18.0), words) == cores


def test_a_users_file_changes_single_keys_and_adds_profiles(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        '["llama-3.2-11b-vision"]\nmax_model_len = 4096\nvariants = [{ gpus = 2, gpu_gb = 24 }]\n'
        "[qwen3-vl-8b.engine.mm_processor_kwargs]\nmin_pixels = 1024\n"
        '[mine]\nmodel = "me/mine"\n'
    )
    told = load_profiles(str(file))
    assert told["llama-3.2-11b-vision"] == only(LLAMA, Variant(gpus=2, gpu_gb=24)).model_copy(update={"max_model_len": 4096})
    assert told["qwen3-vl-8b"].engine["mm_processor_kwargs"] == {"max_pixels": 2_359_296, "min_pixels": 1024}
    assert told["qwen3-vl-8b"].engine["limit_mm_per_prompt"] == {"image": 1, "video": 0}
    assert profile_for("ME/mine", str(file)).name == "mine"
    assert load_profiles() == BUILT_IN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[qwen3-vl-8b]\nlayer = 3\n", "profile 'qwen3-vl-8b': layer: Extra inputs"),
        ("[qwen3-vl-8b]\nlayers = 'many'\n", "profile 'qwen3-vl-8b': layers: "),
        ("[mine]\nlayers = 3\n", "profile 'mine': model: Field required"),
        ("[qwen3-vl-8b]\nvariants = [{ gpus = 3, gpu_gb = 80 }]\n", "3x80 GB: the number of GPUs must divide the 8"),
        ("[qwen3-vl-8b]\nvariants = [{ gpus = 1, gpu_gb = 80, quantization = 'int3' }]\n", "variants.0.quantization: "),
        ("[qwen3-vl-8b.engine]\nmax_num_seqs = 3\n", "engine.max_num_seqs: "),
        ("['llama-3.2-11b-vision'.engine]\nenable_prefix_caching = true\n", "engine.enable_prefix_caching: "),
        ("qwen3-vl-8b = 3\n", "qwen3-vl-8b: is no profile"),
        ("[qwen3-vl-8b\n", "is no TOML"),
    ],
)
def test_a_bad_file_is_told_with_file_profile_and_key(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_profiles(str(file))
    assert caught.value.message.startswith(f"{file}: ")
    assert told in caught.value.message
    assert caught.value.next_step


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_profiles(str(tmp_path / "nothing.toml"))


@pytest.mark.parametrize("model", ["qwen3-vl-8b", "Qwen/Qwen3-VL-8B-Instruct", "qwen/qwen3-vl-8b-instruct"])
def test_a_profile_is_found_by_its_name_or_its_models_id(model: str) -> None:
    assert profile_for(model) == QWEN


def test_any_other_id_is_generic() -> None:
    found = profile_for("someone/some-model")
    assert (found.name, found.model, found.is_sized) == ("generic", "someone/some-model", False)


@pytest.mark.parametrize("model", ["", "generic", "/nowhere/at/all", "./nowhere"])
def test_no_model_and_no_folder_are_told(model: str) -> None:
    with pytest.raises(UsageError) as caught:
        profile_for(model)
    assert "qwen3-vl-8b" in caught.value.next_step


def test_a_folder_of_llama_is_sized_from_its_files(tmp_path: Path) -> None:
    found = profile_for(model_folder(tmp_path, MLLAMA_CONFIG, total_size=2 * 10_670_220_835))
    same = (
        "parameters",
        "layers",
        "cross_layers",
        "kv_heads",
        "head_dim",
        "image_tokens",
        "image_px",
        "max_model_len",
        "engine",
    )
    assert {key: getattr(found, key) for key in same} == {key: getattr(LLAMA, key) for key in same}
    assert (found.model, found.name) == (str(tmp_path), tmp_path.name)
    assert fit(found, [Gpu("a card", 48.0)]).room == fit(LLAMA, [Gpu("a card", 48.0)]).room
    assert "Llama 3.2" in found.licence


def test_a_folder_of_qwen_takes_the_settings_of_its_kind(tmp_path: Path) -> None:
    found = profile_for(model_folder(tmp_path, QWEN_CONFIG, weights=4000))
    assert (found.engine, found.image_px) == (QWEN.engine, QWEN.image_px)
    assert (found.layers, found.kv_heads, found.head_dim, found.max_model_len) == (2, 2, 64, 4096)
    assert (found.parameters, found.dtype) == (1000, "float32")
    assert fit(found, [], ram_gb=16).dtype == "float32"


def test_a_folder_of_another_kind_is_sized_too(tmp_path: Path) -> None:
    found = profile_for(model_folder(tmp_path, PLAIN_CONFIG, weights=4000))
    assert (found.layers, found.kv_heads, found.head_dim, found.parameters) == (4, 8, 64, 2000)
    assert (found.is_sized, found.licence) == (True, "unknown")


def test_a_checkpoint_that_is_quantised_already_is_as_large_as_its_files(tmp_path: Path) -> None:
    found = profile_for(model_folder(tmp_path, PLAIN_CONFIG | {"quantization_config": {"quant_method": "awq"}}, weights=4000))
    assert found.weight_bytes("none") == 4000


@pytest.mark.parametrize("change", [{"text_config": {}}, {"num_hidden_layers": None}])
def test_a_folder_that_does_not_tell_its_size_is_not_sized(tmp_path: Path, change: dict[str, Any]) -> None:
    config = {key: value for key, value in (PLAIN_CONFIG | change).items() if value is not None}
    assert profile_for(model_folder(tmp_path, config)).is_sized is False


@pytest.mark.parametrize("config", [[1], PLAIN_CONFIG | {"hidden_size": "wide"}, PLAIN_CONFIG | {"num_attention_heads": 0}])
def test_a_folder_that_makes_no_sense_is_told(tmp_path: Path, config: object) -> None:
    with pytest.raises(UsageError) as caught:
        profile_for(model_folder(tmp_path, config, weights=10))
    assert str(tmp_path) in caught.value.message


def test_a_folder_without_a_config_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.json: cannot be read"):
        profile_for(str(tmp_path))


TWO = "0, GPU-aaaa-1, NVIDIA L4, 23034\n1, GPU-bbbb-2, NVIDIA H100 80GB HBM3, 81559\n"


def stage(home: Path, monkeypatch: pytest.MonkeyPatch, told: str, code: int = 0) -> None:
    """A program called nvidia-smi that says `told`, first on PATH."""
    (home / "told").write_text(told)
    script = home / "nvidia-smi"
    script.write_text(f'#!/bin/sh\ncat "{home / "told"}"\nexit {code}\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_gpus_are_told_in_decimal_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(tmp_path, monkeypatch, TWO)
    small, large = visible_gpus()
    assert (small.name, large.name) == ("NVIDIA L4", "NVIDIA H100 80GB HBM3")
    assert small.memory_gb == pytest.approx(24.15, abs=0.01)
    assert large.memory_gb == pytest.approx(85.52, abs=0.01)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("1", ["H100"]),
        ("1,0", ["H100", "L4"]),
        ("GPU-bbbb", ["H100"]),
        ("0,7,1", ["L4"]),
        ("", []),
        ("-1", []),
    ],
)
def test_only_those_that_cuda_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, names: list[str]) -> None:
    stage(tmp_path, monkeypatch, TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", asked)
    assert [gpu.name.split()[1] for gpu in visible_gpus()] == names


@pytest.mark.parametrize(
    ("told", "code"), [("No devices were found\n", 6), ("", 9), (TWO, 15), ("0, GPU-a, NVIDIA GB10, [N/A]\n", 0)]
)
def test_a_program_that_fails_or_tells_no_memory_means_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, code: int
) -> None:
    stage(tmp_path, monkeypatch, told, code)
    assert visible_gpus() == []


def test_no_program_means_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []


@pytest.mark.timeout(30)
def test_a_program_that_hangs_means_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(tmp_path, monkeypatch, TWO)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr("pipeline.engines.fit._NVIDIA_SMI_S", 0.5)
    assert visible_gpus() == []
