"""Shows where vLLM in bfloat16 leaves transformers in bfloat16: `python -m tests.bench.mllama_bf16`.

Both are right there: they add the same numbers in another order, and the two likeliest tokens are nearer than rounding
moves them.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.mllama import Reference, ask_vllm, asks_of, tiny_mllama, vllm_of

TOKENS = 24

WITHIN = 0.25
"""The largest gap between the two likeliest tokens that rounding may turn round.

These models' logits reach 9, and bfloat16 with its 8 significant bits has steps of 1/32 from 4 on and of 1/16 from 8 on.
All layers' roundings together move the difference of the two likeliest tokens by up to 0.24: that is how far transformers
in bfloat16 is from transformers in float32 on these weights. Two programs that are each so far from the truth can part
where the gap is smaller.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One request's answers."""

    request: int
    left: int | None
    """The first token that differs; None where none of TOKENS does."""

    gap: float
    """There, the log-probability of the reference's own first choice less that of its second; 0 where none differs."""

    moved: float
    """The largest difference of a log-probability among the tokens before it."""


def table(folder: Path, requests: int) -> list[Row]:
    """Ask vLLM and the reference, both in bfloat16, for TOKENS tokens to each of `requests` requests of all kinds."""
    asks = asks_of(requests)
    rows = []
    with vllm_of(folder, dtype="bfloat16") as llm:
        reference = Reference(folder, "bfloat16")
        for number, (ask, answer) in enumerate(zip(asks, ask_vllm(llm, asks, max_tokens=TOKENS), strict=True)):
            expected = reference.answer(answer.prompt, ask.image, TOKENS)
            left = next((place for place in range(TOKENS) if answer.ids[place] != expected.ids[place]), None)
            moved = [abs(one - two) for one, two in zip(answer.logprobs[:left], expected.logprobs[:left], strict=True)]
            rows.append(Row(number, left, 0.0 if left is None else expected.gaps[left], max(moved, default=0.0)))
    return rows


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = table(tiny_mllama(Path(folder), dtype="bfloat16"), 36)
    print("request | first token that differs | gap of the reference there | largest difference before")
    for row in rows:
        left = ("–", "–") if row.left is None else (row.left + 1, f"{row.gap:.3f}")
        print(f"{row.request:7} | {left[0]:>24} | {left[1]:>26} | {row.moved:25.3f}")
    same = sum(row.left is None for row in rows)
    print(f"{same} of {len(rows)} are the same to the end; others part at gaps of at most {max(row.gap for row in rows):.3f}")


if __name__ == "__main__":
    main()
