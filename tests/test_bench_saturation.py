"""What of the saturation bench can go wrong without a GPU and within seconds: models of full size, pages, figures."""

from pathlib import Path

import pytest

from pipeline.engines.fit import Gpu, engine_args, fit
from pipeline.engines.profiles import load_profiles, profile_for
from tests.bench.gpu import DIMS, profile_of
from tests.bench.work import Answer, Turn, Work, grammar, pages_of, write_documents

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(120)]


@pytest.fixture(scope="module", params=DIMS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """The name of a profile with made-up weights, its file, and the model's folder."""
    folder = tmp_path_factory.mktemp("dims") / request.param
    return *profile_of(request.param, folder), folder


def test_a_model_of_full_size_has_its_geometry(written: tuple[str, str, Path]) -> None:
    from transformers import AutoConfig

    name, profiles, folder = written
    config, real = AutoConfig.from_pretrained(folder), load_profiles()[name]
    text = config.text_config
    cross = len(getattr(text, "cross_attention_layers", ()))
    assert config.architectures == [real.architecture]
    assert (text.num_hidden_layers - cross, cross, text.num_key_value_heads) == (real.layers, real.cross_layers, real.kv_heads)
    assert text.hidden_size // text.num_attention_heads == real.head_dim


def test_its_tokenizer_fills_its_vocabulary(written: tuple[str, str, Path]) -> None:
    from transformers import AutoConfig, AutoTokenizer

    config, tokenizer = AutoConfig.from_pretrained(written[2]), AutoTokenizer.from_pretrained(written[2])
    image = getattr(config, "image_token_id", None) or config.image_token_index
    assert sorted(tokenizer.get_vocab().values()) == list(range(max(config.text_config.vocab_size, image + 1)))
    said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Rechnung ใบแจ้งหนี้ 12,50 €"}]}]
    prompt = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    tokens = tokenizer(prompt, add_special_tokens=False).input_ids
    assert tokens.count(image) == 1 and tokenizer.decode(tokens) == prompt
    assert tokenizer.eos_token in prompt
    assert (written[2] / "preprocessor_config.json").is_file()


@pytest.mark.parametrize("gb", [80, 141])
def test_its_engine_is_that_of_the_real_model_but_for_the_weights(written: tuple[str, str, Path], gb: float) -> None:
    name, profiles, folder = written
    made, real = profile_for(name, profiles), load_profiles()[name]
    args, expected = (engine_args(profile, fit(profile, [Gpu("GPU", gb)])) for profile in (made, real))
    assert args == expected | {"model": str(folder), "load_format": "dummy"}


def test_no_two_pages_are_alike_and_every_time_they_are_the_same(checkpoint: Path, tmp_path: Path) -> None:
    def prompts(folder: str, seed: int) -> list[str]:
        paths = write_documents(tmp_path / folder, pages=5, each=2, seed=seed)
        assert len(paths) == 3
        settings = Work(str(checkpoint), 100, str(tmp_path), (), ()).settings
        pages = list(pages_of(paths, settings))
        assert [page.name for page in pages] == ["0000 1", "0000 2", "0002 1", "0002 2", "0004 1"]
        assert all(max(page.image.size) == settings.image_px for page in pages)
        return [page.prompt for page in pages]

    first, again, other = prompts("a", 1), prompts("b", 1), prompts("c", 2)
    assert first == again and len({*first, *other}) == 10
    assert all("Nordlicht" in prompt and "Summe" in prompt for prompt in first)


def test_the_figures_of_two_arms() -> None:
    from tests.bench.engine_saturation import agree, row, summary

    bare = Turn(10.0, {"a 1": Answer(100, 20, "x"), "a 2": Answer(110, 20, "y")}, 8.0)
    pipeline = Turn(12.5, {"a 1": Answer(100, 20, "x"), "a 2": Answer(110, 30, "z")}, 10.0)
    equal = agree(bare.answers, pipeline.answers)
    rows = [row("bare", 0, bare, equal), row("pipeline", 0, pipeline, equal)]
    assert (equal, rows[1].pages, rows[1].tokens_in, rows[1].tokens_out) == (1, 2, 210, 50)
    ratios = {"pages": 0.8, "tokens": 1.0, "tokens_of_model": 1.0}
    assert summary(rows) == {what: {"median": ratio, "by_round": [ratio]} for what, ratio in ratios.items()}
    with pytest.raises(SystemExit, match="1 of 2 pages had other prompts"):
        agree(bare.answers, pipeline.answers | {"a 2": Answer(111, 20, "y")})
    assert agree(bare.answers, pipeline.answers | {"a 2": Answer(221, 40, "y", asks=2)}) == 1
    with pytest.raises(SystemExit, match="a 2"):
        agree(bare.answers, {"a 1": Answer(100, 20, "x")})


def test_every_answer_comes_to_an_end() -> None:
    values = grammar()["properties"].values()
    assert len(values) == 11 and all(value["pattern"].endswith("{0,48}$") for value in values)
