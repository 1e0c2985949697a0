"""Model profiles: what a model is, how large and under which licence; from profiles.toml, a user's file or a model's folder."""

import json
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import UsageError
from pipeline.values.data import load_data

Quantization = Literal["none", "fp8_per_tensor", "fp8_per_channel"]
"""None, or what vLLM makes of the weights on loading, by its own names; plain `fp8` means a checkpoint that is so already."""

DType = Literal["bfloat16", "float16", "float32"]

_ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_GUIDED_DECIDES = frozenset(
    {"structured_outputs_config", "generation_config", "mm_processor_cache_gb", "enable_prefix_caching", "disable_log_stats"}
)
_FIT_DECIDES = frozenset(
    {"model", "dtype", "quantization", "tensor_parallel_size", "gpu_memory_utilization"}
    | {"max_model_len", "max_num_seqs", "max_num_batched_tokens", "kv_cache_memory_bytes"}
)
_CROSS_DECIDES = frozenset({"enable_chunked_prefill", "enable_prefix_caching", "attention_backend"})


class Variant(BaseModel):
    """GPUs that one engine fits: `gpus` of at least `gpu_gb` (10^9 bytes); all of them are one tensor-parallel group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpus: int = Field(ge=1)
    gpu_gb: float = Field(gt=0)
    quantization: Quantization = "none"
    pages_per_s: float = Field(5.0, gt=0)

    def __str__(self) -> str:
        return f"{self.gpus}x{self.gpu_gb:g} GB" + ("" if self.quantization == "none" else f" {self.quantization}")


class Profile(BaseModel):
    """A model as far as an engine must know it; the keys are explained in profiles.toml. 0 and "" mean: not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: str
    revision: str = ""
    architecture: str = ""
    licence: str = "unknown"
    licence_limits: str = "read the model's own card"
    parameters: float = Field(0, ge=0)
    parameters_16bit: float = Field(0, ge=0)
    layers: int = Field(0, ge=0)
    cross_layers: int = Field(0, ge=0)
    kv_heads: int = Field(0, ge=0)
    head_dim: int = Field(0, ge=0)
    image_tokens: int = Field(2048, ge=1)
    image_px: int = Field(1120, ge=56)
    max_model_len: int = Field(8192, ge=1)
    page_tokens: int = Field(4096, ge=1)
    max_num_seqs: int = Field(0, ge=0)
    dtype: DType = "bfloat16"
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    reserve_gb: float = Field(3.0, ge=0)
    engine: dict[str, Any] = Field(default_factory=dict)
    variants: tuple[Variant, ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if odd := [str(variant) for variant in self.variants if self.kv_heads % variant.gpus]:
            raise ValueError(f"variants: {odd[0]}: the number of GPUs must divide the {self.kv_heads} key and value heads")
        if taken := sorted(_GUIDED_DECIDES & self.engine.keys()):
            raise ValueError(f"engine.{taken[0]}: guided decoding, a page at a time, leaves no choice here")
        if taken := sorted(_FIT_DECIDES & self.engine.keys()):
            raise ValueError(f"engine.{taken[0]}: is the profile's own key or follows from the memory, so it cannot stand here")
        if self.cross_layers and (taken := sorted(_CROSS_DECIDES & self.engine.keys())):
            raise ValueError(f"engine.{taken[0]}: a model with cross_layers leaves no choice here")
        return self

    @property
    def is_sized(self) -> bool:
        """Whether enough is known to tell the memory it needs."""
        return bool(self.parameters and self.layers and self.kv_heads and self.head_dim)

    def weight_bytes(self, quantization: Quantization) -> float:
        """Bytes of the weights, all GPUs together."""
        item = _ITEM_BYTES[self.dtype]
        kept = min(self.parameters_16bit, self.parameters)
        return kept * item + (self.parameters - kept) * (item if quantization == "none" else 1)

    @property
    def token_bytes(self) -> int:
        """Bytes of the keys and values of one token in the self-attention layers, all GPUs together."""
        return 2 * self.layers * self.kv_heads * self.head_dim * _ITEM_BYTES[self.dtype]

    @property
    def image_token_bytes(self) -> int:
        """Bytes of the keys and values of one image token in the cross-attention layers, all GPUs together; 0 without such."""
        return 2 * self.cross_layers * self.kv_heads * self.head_dim * _ITEM_BYTES[self.dtype]

    @property
    def page_bytes(self) -> int:
        """Bytes of the keys and values of one page: its text, its answer and its largest image."""
        if self.cross_layers:
            return self.token_bytes * min(self.page_tokens, self.max_model_len) + self.image_token_bytes * self.image_tokens
        return self.token_bytes * min(self.page_tokens + self.image_tokens, self.max_model_len)


def load_profiles(user_file: str = "") -> dict[str, Profile]:
    """The profiles by name: the built-in ones, then those of `user_file` over them, key by key.

    Raises:
        UsageError: the file is missing, is no TOML, or a profile in it has a wrong key or value.
    """
    told = load_data("profiles.toml", "pipeline.engines")
    source = {name: "profiles.toml" for name in told}
    for name, table in _read_toml(user_file).items() if user_file else ():
        if not isinstance(table, dict):
            raise UsageError(f"{user_file}: {name}: is no profile", f"write [{name}] above the keys that belong to a profile")
        told[name] = _over(told.get(name, {}), table)
        source[name] = user_file
    return {name: _profile(name, table, source[name]) for name, table in told.items()}


def profile_for(model: str, user_file: str = "") -> Profile:
    """The profile of `model`: a profile's name, a model's id in any case, a model's folder, or any other id (generic).

    Args:
        model: what the user named.
        user_file: a TOML file with profiles of the user's own; empty: none.

    Raises:
        UsageError: no model is named, or a folder is meant that is not there or holds no model.
    """
    profiles = load_profiles(user_file)
    names = f"name one of the profiles {', '.join(name for name in profiles if name != 'generic')}, a model's id or its folder"
    if not model or model == "generic":
        raise UsageError("no model is named", names)
    if model in profiles:
        return profiles[model]
    if known := next((profile for profile in profiles.values() if profile.model.lower() == model.lower()), None):
        return known
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _from_folder(folder, profiles)
    if model.startswith(("/", ".", "~")):
        raise UsageError(f"{model}: there is no such folder", names)
    return profiles["generic"].model_copy(update={"model": model})


def _read_toml(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", "name a TOML file with model profiles") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no TOML: {error}", 'mend the file; names with a dot are quoted: ["a-1.0"]') from error


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` over `below`, tables inside tables too; lists are replaced."""
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _over(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
    return merged


def _profile(name: str, table: dict[str, Any], file: str) -> Profile:
    try:
        return Profile.model_validate({"name": name} | table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        told = f"{key}: {first['msg']}" if key else first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{file}: profile {name!r}: {told}", "the keys are explained at the head of profiles.toml") from error


def _from_folder(folder: Path, profiles: dict[str, Profile]) -> Profile:
    """A profile made of what a model's folder tells; settings and image size from a known model of the same architecture."""
    config = _read_json(folder / "config.json")
    architecture = next(iter(config.get("architectures") or ()), "")
    family = next((known for known in profiles.values() if architecture and known.architecture == architecture), None)
    base = family or profiles["generic"]
    update: dict[str, Any] = {"name": folder.name, "model": str(folder), "architecture": architecture, "variants": ()}
    if family:
        update |= {"licence": f"probably {family.licence}, as other models of its kind"}
    try:
        update |= {"dtype": _dtype(config)} | _geometry(config) | _size(folder, config)
        if limit := _text(config).get("max_position_embeddings"):
            update["max_model_len"] = min(base.max_model_len, int(limit))
        return Profile.model_validate(base.model_dump() | update)
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise UsageError(
            f"{folder}: its size cannot be read: {error!r}", "look at its config.json, or download it again"
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}", "name the folder that holds config.json and weights"
        ) from error
    except ValueError as error:
        raise UsageError(f"{path}: is no JSON: {error}", "download the model again") from error
    if not isinstance(told, dict):
        raise UsageError(f"{path}: is no JSON object", "download the model again")
    return told


def _text(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that describes the language model; it stands at the top where there is no vision model beside it."""
    return next((config[key] for key in ("text_config", "llm_config", "language_config") if config.get(key)), config)


def _geometry(config: dict[str, Any]) -> dict[str, int]:
    """Layers, heads and image tokens; not known where the config leaves them to its class's defaults."""
    text, vision = _text(config), config.get("vision_config") or {}
    cross = len(text.get("cross_attention_layers") or ())
    if not {"num_hidden_layers", "num_attention_heads", "hidden_size"} <= text.keys():
        return {"layers": 0, "cross_layers": cross, "kv_heads": 0, "head_dim": 0}
    found = {
        "layers": int(text["num_hidden_layers"]) - cross,
        "cross_layers": cross,
        "kv_heads": int(text.get("num_key_value_heads") or text["num_attention_heads"]),
        "head_dim": int(text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]),
    }
    if cross and {"image_size", "patch_size"} <= vision.keys():
        patches = (int(vision["image_size"]) // int(vision["patch_size"])) ** 2
        found["image_tokens"] = int(vision.get("max_num_tiles", 4)) * (patches + 1)
    return found


def _dtype(config: dict[str, Any]) -> str:
    """The numbers that the weights are kept in."""
    text = _text(config)
    told = config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or text.get("torch_dtype")
    return told if told in _ITEM_BYTES else "bfloat16"


def _size(folder: Path, config: dict[str, Any]) -> dict[str, float]:
    """Parameters from the bytes of the weights; not known where the folder has none (random weights)."""
    index = folder / "model.safetensors.index.json"
    size = float(_read_json(index)["metadata"]["total_size"]) if index.is_file() else 0.0
    size = size or float(sum(path.stat().st_size for path in folder.glob("*.safetensors")))
    parameters = size / _ITEM_BYTES[_dtype(config)]
    if config.get("quantization_config"):
        return {"parameters": parameters, "parameters_16bit": parameters}
    text = _text(config)
    embedded = 2.0 * int(text.get("vocab_size") or 0) * int(text.get("hidden_size") or 0)
    return {"parameters": parameters, "parameters_16bit": embedded}
