"""Which rows of a step look at an image: vLLM lays the tokens of all requests one after another, without a mask."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from pipeline.engines.mllama.interfaces import Requests


@dataclass(frozen=True, slots=True)
class Early:
    """Rows before their image's mark, where they look at all tiles as Hugging Face lets them; only while prompts are read."""

    rows: torch.Tensor
    """[rows] whether a row is one of them."""

    spans: tuple[tuple[slice, slice], ...]
    """Of each image: its early rows, and its tokens among the states, those of padding tiles included."""

    cached: torch.Tensor
    """The states that go into the cache: tokens of real tiles."""


def looking_rows(input_ids: torch.Tensor, positions: torch.Tensor, requests: Requests, mark: int) -> torch.Tensor:
    """Whether each row looks at an image: its request has one, and the image's mark has been read.

    A prompt is read in one step, so where a request's rows begin at position 0 the mark is among them or there is none.
    All on the device and without a look at any value, so that a CUDA graph can hold it.

    Args:
        input_ids: [rows] of all requests; there may be more rows than they have, to fill a CUDA graph.
        positions: [rows] of each token in its request.
        requests: where each request begins, and how much there is to look at.
        mark: the token that stands for the image.
    """
    starts, count = requests.starts.long(), input_ids.shape[0]
    row = torch.arange(count, device=input_ids.device)
    request = torch.searchsorted(starts[1:], row, right=True)  # one past the last for rows that only fill up
    marks = (input_ids == mark).int().cumsum(0)
    before = functional.pad(marks, (1, 0))[starts[:-1]]
    decoding = positions[starts[:-1].clamp(max=count - 1)] > 0
    has_image, decoding, before = (
        functional.pad(part.int(), (0, 1))[request] for part in (requests.image_tokens > 0, decoding, before)
    )
    return (has_image > 0) & ((decoding > 0) | (marks > before))


def early_rows(looking: torch.Tensor, positions: torch.Tensor, requests: Requests, images: Sequence[torch.Tensor]) -> Early:
    """Rows of new prompts before their image's mark, and what they look at.

    Args:
        looking: [rows] of `looking_rows`.
        positions: [rows] of each token in its request.
        requests: of the step.
        images: [tokens, width] of each new image, in the order of the requests, padding tiles last.
    """
    starts, lengths = requests.starts.tolist(), requests.image_tokens.tolist()
    new = [index for index, length in enumerate(lengths) if length and positions[starts[index]] == 0]
    rows = torch.zeros_like(looking)
    cached, spans, first = [], [], 0
    for index, image in zip(new, images, strict=True):
        start, stop = starts[index], starts[index + 1]
        text = slice(start, stop - int(looking[start:stop].sum()))
        rows[text] = True
        spans.append((text, slice(first, first + len(image))))
        cached.append(torch.arange(first, first + lengths[index], device=looking.device))
        first += len(image)
    return Early(rows, tuple(spans), torch.cat(cached))
