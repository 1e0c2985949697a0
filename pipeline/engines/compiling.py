"""Compiling a grammar in a process of its own, under a time limit: a schema that a backend chokes on must not reach the engine.

Run as `python -m pipeline.engines.compiling` by `compile_grammars`.
"""

import asyncio
import json
import math
import resource
import sys
from collections.abc import Sequence
from typing import Any

from pipeline.errors import RunError, one_line

NEXT_STEP = "make it smaller (fewer fields), or raise compile_timeout_s; `octoglot schemas lint` shows its grammar's faults"

CORES = 8
"""Cores that a compilation may keep busy, at most: its CPU time is bounded by as many times the limit."""


async def compile_grammars(grammars: Sequence[dict[str, Any]], model: str, revision: str, limit_s: float) -> None:
    """See that xgrammar, with the tokenizer of `model`, compiles the forms of a grammar within `limit_s` seconds.

    Raises:
        RunError: it does not, or takes longer.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pipeline.engines.compiling"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    told = json.dumps(
        {"grammars": grammars, "model": model, "revision": revision, "limit_s": CORES * math.ceil(limit_s)}
    ).encode()
    try:
        _, said = await asyncio.wait_for(process.communicate(told), limit_s)
    except TimeoutError as error:
        raise RunError(f"the schema's grammar is not compiled after {limit_s:g} s", NEXT_STEP) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        line = one_line(said.decode("utf-8", "replace").strip().rpartition("\n")[2]) or f"exit code {process.returncode}"
        raise RunError(f"the schema's grammar cannot be compiled: {line}", NEXT_STEP)


def main() -> None:
    """Compile what stdin holds; ends with a traceback where that fails."""
    import xgrammar
    from transformers import AutoTokenizer

    told = json.load(sys.stdin)
    # Whoever started this may be gone before it is done.
    resource.setrlimit(resource.RLIMIT_CPU, (told["limit_s"], told["limit_s"]))
    tokenizer = AutoTokenizer.from_pretrained(told["model"], revision=told["revision"] or None)
    compiler = xgrammar.GrammarCompiler(xgrammar.TokenizerInfo.from_huggingface(tokenizer))
    for grammar in told["grammars"]:
        compiler.compile_json_schema(json.dumps(grammar, ensure_ascii=False), any_whitespace=False)


if __name__ == "__main__":
    main()
