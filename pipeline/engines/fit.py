"""The arithmetic of memory, before anything is loaded: the GPUs that one engine takes, and how many pages it holds at once."""

import math
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.engines.profiles import DType, Profile, Quantization, load_profiles
from pipeline.errors import RunError

MOST_PAGES = 256
"""Pages at once, at most: in so large a batch reading the weights is no longer what takes the time."""

CPU_SECONDS = {"none": 0.05, "text-layer": 0.08, "ocr": 1.15, "auto": 1.15}
"""CPU seconds a page by the words setting: 0.05 to render, 0.03 for a text layer, 1.1 for OCR at 200 dpi. OCR was measured, on
one kind of core; the others are estimates. `auto` counts as OCR, for scans need it."""

_ENOUGH_PAGES = 4
_UNKNOWN_PAGES = 32
_CPU_PAGES = 8
_CPU_SHARE = 0.8
_CPU_PAGES_PER_S = 0.05
_UNKNOWN_PAGES_PER_S = 5.0
_UNKNOWN_CPU_KV_GB = 4.0
_BATCHED_TOKENS = 8192
_DRIVER_GB = 0.5
_GROUPS = (1, 2, 4, 8)
_NVIDIA_SMI_S = 20
_NVIDIA_SMI = ("nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that this process may use; `memory_gb` in 10^9 bytes."""

    name: str
    memory_gb: float


@dataclass(frozen=True, slots=True)
class Fit:
    """How one engine slot is made.

    Attributes:
        gpus: GPUs that it takes, all in one tensor-parallel group; 0: it runs on the CPU.
        quantization: what vLLM makes of the weights on loading; None: it leaves them as they are.
        room: pages of usual length whose keys and values it holds at once; a few long ones more make vLLM wait, not fail.
        kv_cache_gb: 10^9 bytes for keys and values, all GPUs together.
        pages_per_s: an estimate, rather too high than too low.
        arithmetic: how it came about, for people.
    """

    gpus: int
    dtype: DType
    quantization: Quantization | None
    gpu_memory_utilization: float
    max_model_len: int
    max_num_seqs: int
    max_num_batched_tokens: int
    room: int
    kv_cache_gb: float
    pages_per_s: float
    arithmetic: str

    @property
    def tensor_parallel(self) -> int:
        """GPUs that share each layer; 1 on the CPU."""
        return max(1, self.gpus)


@dataclass(frozen=True, slots=True)
class _Memory:
    """What an engine may take, in words and in 10^9 bytes, and how much of it is neither weights nor keys and values."""

    told: str
    usable_gb: float
    reserve_gb: float


def visible_gpus() -> list[Gpu]:
    """The GPUs that nvidia-smi tells of and CUDA_VISIBLE_DEVICES leaves; none where it is missing, fails or hangs.

    Slices of a GPU (MIG) are not seen.
    """
    try:
        told = subprocess.run(_NVIDIA_SMI, capture_output=True, text=True, timeout=_NVIDIA_SMI_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [tuple(part.strip() for part in line.split(",")) for line in told.splitlines()]
    # A GPU that shares the machine's memory tells [N/A].
    cards = [(row[0], row[1], Gpu(row[2], float(row[3]) * 2**20 / 1e9)) for row in rows if len(row) == 4 and row[3].isdigit()]
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        return [gpu for _, _, gpu in cards]
    found: list[Gpu] = []
    for wanted in (part.strip() for part in asked.split(",")):
        match = [gpu for index, uuid, gpu in cards if wanted and (index == wanted or uuid.startswith(wanted))]
        if not match:
            break  # CUDA, too, stops at the first that it does not know
        found.append(match[0])
    return found


def machine_ram_gb() -> float:
    """The memory of this machine, or of the container that it is, in 10^9 bytes."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    told = limit.read_text().strip() if limit.is_file() else "max"
    return min(total, int(told) if told.isdigit() else total) / 1e9


def fit(profile: Profile, gpus: Sequence[Gpu], ram_gb: float = 0.0) -> Fit:
    """How one engine of `profile` is made on `gpus`; the smallest of them counts for all.

    Args:
        profile: the model.
        gpus: those that it may use; empty: the CPU.
        ram_gb: the machine's memory in 10^9 bytes, for the CPU; 0: what it has.

    Raises:
        RunError: it cannot fit; the message holds the arithmetic, the next step what would fit.
    """
    best = _best(profile, gpus, ram_gb)
    if best.room < 1:
        raise RunError(f"{profile.name} does not fit: {best.arithmetic}", _what_would_fit(profile, gpus, ram_gb))
    return best


def engine_args(profile: Profile, fitted: Fit) -> dict[str, Any]:
    """The arguments of vLLM's engine that follow from the memory and from cross-attention, and what the profile adds."""
    args: dict[str, Any] = {
        "model": profile.model,
        "dtype": fitted.dtype,
        "quantization": fitted.quantization,
        "tensor_parallel_size": fitted.tensor_parallel,
        "max_model_len": fitted.max_model_len,
        "max_num_seqs": fitted.max_num_seqs,
        "max_num_batched_tokens": fitted.max_num_batched_tokens,
        "limit_mm_per_prompt": {"image": 1},
    }
    if fitted.gpus:
        args["gpu_memory_utilization"] = fitted.gpu_memory_utilization
    else:
        args |= {"kv_cache_memory_bytes": int(fitted.kv_cache_gb * 1e9), "enforce_eager": True}
    if profile.cross_layers:
        args |= {"enable_chunked_prefill": False, "enable_prefix_caching": False}
        if fitted.gpus:
            args["attention_backend"] = "FLASH_ATTN"  # vLLM may choose one that cannot do cross-attention
    return args | profile.engine


def cores_for(fitted: Fit, words: str) -> int:
    """CPU cores that one engine slot needs so that it does not starve, by the words setting; an estimate, see CPU_SECONDS."""
    pages = math.ceil(fitted.pages_per_s * CPU_SECONDS[words])
    # vLLM keeps one process a GPU busy, one for the scheduler and one for the requests.
    return pages + (2 + fitted.gpus if fitted.gpus else 1)


def _best(profile: Profile, gpus: Sequence[Gpu], ram_gb: float) -> Fit:
    """The first that holds enough pages, else the one that holds most; its room may be 0."""
    if not gpus:
        return _on_cpu(profile, ram_gb or machine_ram_gb())
    memory_gb = min(gpu.memory_gb for gpu in gpus)
    tries = [_on_gpus(profile, size, memory_gb, kind) for size, kind in _shapes(profile) if size <= len(gpus)]
    enough = next((found for found in tries if found.room >= _ENOUGH_PAGES), None)
    return enough or max(tries, key=lambda found: (found.room, found.kv_cache_gb))


def _shapes(profile: Profile) -> list[tuple[int, Quantization]]:
    """Numbers of GPUs and quantisations to try: the profile's variants in their order, then other numbers of GPUs."""
    told: list[tuple[int, Quantization]] = [(variant.gpus, variant.quantization) for variant in profile.variants]
    kinds: list[Quantization] = [kind for _, kind in told] or ["none"]
    others = [(size, kind) for kind in kinds for size in _GROUPS if profile.kv_heads % size == 0]
    return list(dict.fromkeys(told + others))


def _on_gpus(profile: Profile, gpus: int, memory_gb: float, kind: Quantization) -> Fit:
    share = profile.gpu_memory_utilization
    usable, reserve = gpus * share * (memory_gb - _DRIVER_GB), gpus * profile.reserve_gb
    like = [item for item in profile.variants if (item.gpus, item.quantization) == (gpus, kind) and item.gpu_gb <= memory_gb]
    speed = max(like, key=lambda item: item.gpu_gb).pages_per_s if like else _UNKNOWN_PAGES_PER_S
    have = f"{gpus} x {share:g} of {memory_gb:.1f} GB (less {_DRIVER_GB} for the driver) is {usable:.1f} GB"
    return _filled(profile, gpus, kind, _Memory(have, usable, reserve), speed)


def _on_cpu(profile: Profile, ram_gb: float) -> Fit:
    usable = _CPU_SHARE * ram_gb
    have = f"no GPU is visible; {_CPU_SHARE:g} of {ram_gb:.1f} GB of main memory is {usable:.1f} GB"
    return _filled(profile, 0, "none", _Memory(have, usable, profile.reserve_gb), _CPU_PAGES_PER_S)


def _filled(profile: Profile, gpus: int, kind: Quantization, memory: _Memory, pages_per_s: float) -> Fit:
    batched = max(profile.max_model_len, profile.image_tokens) if profile.cross_layers else _BATCHED_TOKENS
    most = MOST_PAGES if gpus else _CPU_PAGES
    room, cache_gb, arithmetic = _room(profile, kind, memory, batched)
    if not gpus and profile.is_sized:
        # Main memory is for the documents too: no more than the pages at once need, but what vLLM wants for one long page.
        cache_gb = min(cache_gb, max(most * profile.page_bytes, _longest_bytes(profile, batched)) / 1e9)
    elif not gpus:
        cache_gb = _UNKNOWN_CPU_KV_GB
    return Fit(
        gpus=gpus,
        dtype=profile.dtype,
        quantization=None if kind == "none" else kind,
        gpu_memory_utilization=profile.gpu_memory_utilization,
        max_model_len=profile.max_model_len,
        max_num_seqs=profile.max_num_seqs or max(1, min(room, most)),
        max_num_batched_tokens=batched,
        room=room,
        kv_cache_gb=cache_gb,
        pages_per_s=pages_per_s,
        arithmetic=arithmetic,
    )


def _room(profile: Profile, kind: Quantization, memory: _Memory, batched: int) -> tuple[int, float, str]:
    """Pages at once, 10^9 bytes for their keys and values, and how that came about."""
    if not profile.is_sized:
        told = f"{memory.told}; how much {profile.model} needs is not known, so nothing is checked"
        return _UNKNOWN_PAGES, 0.0, f"{told} (its folder instead of its id, or a profile, would tell)"
    weights = profile.weight_bytes(kind) / 1e9
    cache_gb = memory.usable_gb - weights - memory.reserve_gb
    longest_gb, page_gb = _longest_bytes(profile, batched) / 1e9, profile.page_bytes / 1e9
    room = int(cache_gb / page_gb) if cache_gb >= longest_gb else 0
    left = f"{cache_gb:.1f} GB are left" if cache_gb > 0 else f"{-cache_gb:.1f} GB are missing"
    told = (
        f"{memory.told}; weights in {profile.dtype if kind == 'none' else kind} {weights:.1f} GB, "
        f"activations and CUDA graphs about {memory.reserve_gb:.1f} GB; {left} for keys and values; "
        f"a page takes {page_gb:.2f} GB ({_page_told(profile)}), the longest {longest_gb:.2f} GB: "
    )
    return room, cache_gb, told + (f"{room} pages at once" if room else "not one page")


def _page_told(profile: Profile) -> str:
    kb = f"x {profile.token_bytes / 1e3:.0f} kB"
    if profile.cross_layers:
        image_mb = profile.image_token_bytes * profile.image_tokens / 1e6
        return f"{min(profile.page_tokens, profile.max_model_len):,} tokens {kb} + {image_mb:.0f} MB for its image"
    tokens = min(profile.page_tokens + profile.image_tokens, profile.max_model_len)
    return f"{tokens:,} tokens {kb}, up to {profile.image_tokens:,} of them its image"


def _longest_bytes(profile: Profile, batched: int) -> int:
    """Bytes without which vLLM does not start: one page of the full length, its image counted as long as a batch."""
    return profile.token_bytes * profile.max_model_len + profile.image_token_bytes * batched


def _what_would_fit(profile: Profile, gpus: Sequence[Gpu], ram_gb: float) -> str:
    others = [known for known in load_profiles().values() if known.is_sized and known.name != profile.name]
    smaller = [known.name for known in others if _best(known, gpus, ram_gb).room]
    steps = []
    if fp8 := _with_fp8(profile, gpus):
        steps.append(f'let its profile have a variant with quantization = "fp8_per_tensor" ({fp8} pages at once here)')
    if profile.variants:
        steps.append(f"GPUs that it fits: {', '.join(str(variant) for variant in profile.variants)}")
    if smaller:
        steps.append(f"profiles that fit here: {', '.join(smaller)}")
    return "; or ".join(steps) or "--engine openai with a server elsewhere, or --engine ocr"


def _with_fp8(profile: Profile, gpus: Sequence[Gpu]) -> int:
    """Pages at once with fp8 weights on these GPUs; 0 where there are none or that is what was tried."""
    if not gpus or any(variant.quantization != "none" for variant in profile.variants):
        return 0
    memory_gb = min(gpu.memory_gb for gpu in gpus)
    return max(
        _on_gpus(profile, size, memory_gb, "fp8_per_tensor").room
        for size in _GROUPS
        if size <= len(gpus) and profile.kv_heads % size == 0
    )
