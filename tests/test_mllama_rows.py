"""Which rows of a step look at an image, and that a CUDA graph can hold the question."""

import pytest

pytestmark = pytest.mark.vllm

MARK = 99
STEP = {
    # tokens, position of the first, tokens of its image, rows that look
    "a prompt with its image first": ([1, MARK, 5, 6], 0, 34, [0, 1, 1, 1]),
    "a request that decodes, with an image": ([7], 12, 17, [1]),
    "a prompt without an image": ([1, 5, 6], 0, 0, [0, 0, 0]),
    "a request that decodes, without one": ([8], 3, 0, [0]),
    "a prompt with its image late": ([1, 5, 6, MARK], 0, 68, [0, 0, 0, 1]),
    "a prompt that begins with its image": ([MARK, 4], 0, 17, [1, 1]),
}


def step(names: list[str], filled: int = 0):
    """The tensors of a step of those requests, with rows that fill up a CUDA graph; and which rows look."""
    import torch

    from pipeline.engines.mllama.interfaces import Requests

    parts = [STEP[name] for name in names]
    ids = [token for tokens, *_ in parts for token in tokens] + [0] * filled
    positions = [first + index for tokens, first, *_ in parts for index in range(len(tokens))] + [0] * filled
    starts = [0]
    for tokens, *_ in parts:
        starts.append(starts[-1] + len(tokens))
    lengths = torch.tensor([length for _, _, length, _ in parts], dtype=torch.int32)
    requests = Requests(torch.tensor(starts, dtype=torch.int32), lengths, int(lengths.max()), 0)
    expected = [bool(row) for *_, rows in parts for row in rows] + [False] * filled
    return torch.tensor(ids), torch.tensor(positions), requests, expected


@pytest.mark.parametrize("filled", [0, 3])
@pytest.mark.parametrize("names", [list(STEP), list(STEP)[::-1], *([name] for name in STEP)], ids=lambda names: str(len(names)))
def test_a_row_looks_at_its_own_image_once_its_mark_was_read(names: list[str], filled: int) -> None:
    from pipeline.engines.mllama.rows import looking_rows

    ids, positions, requests, expected = step(names, filled)
    assert looking_rows(ids, positions, requests, MARK).tolist() == expected


def test_no_value_is_looked_at_on_the_way() -> None:
    """Tensors without values raise wherever Python would ask for one, as it would stall a GPU and break a CUDA graph."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from pipeline.engines.mllama.interfaces import Requests
    from pipeline.engines.mllama.rows import looking_rows

    ids, positions, requests, expected = step(list(STEP))
    with FakeTensorMode() as mode:
        fake = [mode.from_tensor(part) for part in (ids, positions, requests.starts, requests.image_tokens)]
        told = looking_rows(fake[0], fake[1], Requests(fake[2], fake[3], 68, 0), MARK)
        with pytest.raises(Exception, match="_local_scalar_dense"):
            told.tolist()
    assert told.shape == (len(expected),) and told.dtype == torch.bool


def test_early_rows_look_at_padding_tiles_that_are_not_cached() -> None:
    import torch

    from pipeline.engines.mllama.rows import early_rows, looking_rows

    ids, positions, requests, _ = step(list(STEP))
    looking = looking_rows(ids, positions, requests, MARK)
    images = [torch.zeros(68, 2) for _ in range(3)]  # of the three new prompts with an image, four tiles of 17 tokens each
    early = early_rows(looking, positions, requests, images)
    assert early.spans == ((slice(0, 1), slice(0, 68)), (slice(9, 12), slice(68, 136)), (slice(13, 13), slice(136, 204)))
    assert early.rows.nonzero().flatten().tolist() == [0, 9, 10, 11]
    assert early.cached.tolist() == [*range(34), *range(68, 136), *range(136, 153)]
