"""The tiny checkpoints that the plugin is compared on, and what it is compared with: they must be able to tell a fault."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.mllama import IMAGE, SHAPES, TILE, Reference, picture, tiny_mllama

torch = pytest.importorskip("torch", reason="needs what vLLM needs")

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(120)]

CHAT = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Read the total."}]}]
LATE = f"<|begin_of_text|>Invoice number 2024, payable within 30 days. {IMAGE}What is the total?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mllama(tmp_path_factory.mktemp("mllama"))


@pytest.fixture(scope="module")
def meta(folder: Path) -> Reference:
    return Reference(folder)


@pytest.fixture(scope="module")
def transformers(folder: Path) -> Reference:
    return Reference(folder, reference="transformers")


def test_pictures_are_cut_into_the_tiles_that_their_names_say(meta: Reference) -> None:
    counts = {"one": 1, "two": 2, "three": 3, "four": 4}
    assert {shape: meta.tiles(picture(1, shape)) for shape in SHAPES} == {name: counts[name.split()[0]] for name in SHAPES}


def test_pictures_and_prompts_change_the_answer(meta: Reference) -> None:
    asked = [(LATE, picture(1)), (LATE, picture(2)), (LATE, picture(1, "two tall")), (LATE + "!", picture(1))]
    asked += [(LATE.replace(IMAGE, ""), None)]
    answers = [meta.answer(prompt, image, 8).ids for prompt, image in asked]
    assert len(set(answers)) == len(asked)
    assert all(len(set(answer)) > 4 for answer in answers)  # it does not fall into a loop, where a fault could hide


def test_text_before_the_image_is_read_by_meta_as_if_there_were_none(meta: Reference, transformers: Reference) -> None:
    ids = meta.processor.tokenizer.encode(LATE, add_special_tokens=False)
    before = ids[: ids.index(meta.processor.image_token_id)]
    alone = meta.score(before, None)
    assert meta.score(ids, picture(3))[: len(alone)] == pytest.approx(alone, abs=1e-4)
    assert transformers.score(ids, picture(3))[: len(alone)] != pytest.approx(alone, abs=0.1)


@pytest.mark.parametrize(("reference", "place"), [("meta", "into"), ("transformers", "out of")])
def test_the_tower_hands_on_what_goes_into_the_chosen_blocks_or_comes_out(folder: Path, reference: Any, place: str) -> None:
    tower = Reference(folder, reference=reference).model.model.vision_model
    states: dict[str, list[Any]] = {"into": [], "out of": []}
    for index in tower.config.intermediate_layers_indices:
        block = tower.transformer.layers[index]
        block.register_forward_pre_hook(
            lambda _, args, kwargs: states["into"].append((*args, *kwargs.values())[0]), with_kwargs=True
        )
        block.register_forward_hook(lambda _, args, output: states["out of"].append(output))
    pixels = torch.randn(1, 1, 4, 3, TILE, TILE, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        out = tower(pixels, torch.tensor([[6]]), torch.ones(1, 1, 4, dtype=torch.int64)).last_hidden_state[0, 0]
    chosen = [state.unflatten(1, (4, -1))[0, :, : out.shape[1]] for state in states[place]]
    assert torch.equal(out[..., tower.config.hidden_size :], torch.stack(chosen, dim=-1).flatten(-2))


@pytest.mark.parametrize("gate", ["cross_attn_attn_gate", "cross_attn_mlp_gate", "gate_attn", "gate_ffn", "embedding.gate"])
def test_every_kind_of_gate_matters(folder: Path, meta: Reference, gate: str) -> None:
    shut = Reference(folder)
    gates = [tensor for name, tensor in shut.model.named_parameters() if name.endswith(gate)]
    assert gates
    for tensor in gates:
        tensor.data.zero_()
    before, after = (of.answer(LATE, picture(4, "three wide"), 1).logprobs[0] for of in (meta, shut))
    assert abs(before - after) > 0.01


def test_a_score_is_what_the_answer_was_given_with(meta: Reference) -> None:
    answer = meta.answer(LATE, picture(5, "two wide"), 6)
    scores = meta.score(answer.prompt + answer.ids, picture(5, "two wide"))
    assert scores[-6:] == pytest.approx(answer.logprobs, abs=1e-4)
    assert [place for place, score in enumerate(scores, 1) if score == -float("inf")] == [
        answer.prompt.index(meta.processor.image_token_id)
    ]


def test_a_text_begins_once(meta: Reference) -> None:
    begin = meta.processor.tokenizer.bos_token_id
    rendered = meta.processor.apply_chat_template(CHAT, add_generation_prompt=True)
    for prompt in (rendered, LATE, LATE.removeprefix("<|begin_of_text|>")):
        assert meta.answer(prompt, picture(1), 1).prompt.count(begin) == 1


def test_the_template_is_llamas(meta: Reference) -> None:
    told = meta.processor.apply_chat_template(CHAT, add_generation_prompt=True)
    user, assistant = (f"<|start_header_id|>{role}<|end_header_id|>\n\n" for role in ("user", "assistant"))
    assert told == f"<|begin_of_text|>{user}<|image|>Read the total.<|eot_id|>{assistant}"
    system = [{"role": "system", "content": "Be brief."}]
    with pytest.raises(Exception, match="incompatible with system messages"):
        meta.processor.apply_chat_template(system + CHAT)
    meta.processor.apply_chat_template([*system, {"role": "user", "content": "Hello"}])


@pytest.mark.parametrize(
    "changed", [{}, {"shards": 3}, {"padding": "random"}, {"tied": True}, {"dtype": "bfloat16"}], ids=lambda told: str(told)
)
def test_the_file_has_the_hubs_names_and_the_same_weights_each_time(
    folder: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    once, again = (tensors_of(tiny_mllama(tmp_path / name, **changed)) for name in ("once", "again"))
    assert once.keys() == again.keys() and all((once[name] == again[name]).all() for name in once)
    first = tensors_of(folder)
    assert {name.split(".")[0] for name in once} == {"language_model", "vision_model", "multi_modal_projector"}
    assert first.keys() - once.keys() == ({"language_model.lm_head.weight"} if changed.get("tied") else set())
    differ = [name for name in once if not (once[name].float() - first[name]).abs().max() < 0.02]
    expected = [name for name in once if "tile" in name and "gate" not in name.rsplit(".", 1)[-1]]
    assert sorted(differ) == (sorted(expected) if changed.get("padding") else [])


def test_embeddings_of_unused_tiles_are_zero_where_the_hubs_are(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())["vision_config"]
    tensor = tensors_of(folder)["vision_model.post_tile_positional_embedding.embedding.weight"]
    used = (tensor.view(9, 4, -1) != 0).any(-1).sum(-1).tolist()
    assert used == [0, *(wide * tall for wide, tall in config["supported_aspect_ratios"])]


def tensors_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}
