"""Questions as a schema: named so that SQL can have them, carried in plain text, and only for engines that see the page."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from pipeline.arrow import record_type
from pipeline.errors import UsageError
from pipeline.extract import engine_identity
from pipeline.grammar import answer_schema, check_schema
from pipeline.ground import ground
from pipeline.merge import merge
from pipeline.normalize import normalize
from pipeline.records import Frame, Grounding, Leaf, PageWords, Word, WordsFrom
from pipeline.settings import Settings
from schemas.base import fingerprint, specs
from schemas.errors import SchemaError
from schemas.fields import Kind
from schemas.questions import reference_of
from schemas.registry import VIEW_COLUMNS, absolute, load_schema


def names(*asked: str) -> list[str]:
    return [spec.name for spec in specs(load_schema(reference_of(asked, taken=VIEW_COLUMNS)))]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What is the policy number?", "policy_number"),
        ("total=What is the total?", "total"),
        ("  total =  What is\n the total? ", "total"),
        ("Who is the insured person's doctor?", "insured_persons_doctor"),
        ("¿Cuál es el número de póliza?", "cual_es_el_numero_de_poliza"),
        ("Wie heißt der Käufer?", "wie_heit_der_kaufer"),
        ("เลขที่กรมธรรม์คืออะไร", "answer_1"),
        ("What is the?", "the"),
        ("2024 total?", "answer_2024_total"),
        ("Is x = y?", "x_y"),
        ("What is the status?", "status_2"),  # the view has a column of that name
        ("copy?", "answer_copy"),
        ("What is the name of the person who is to be told of the accident first?", "name_of_the_person_who_is_to_be_told_of"),
    ],
)
def test_a_question_gets_a_name_that_a_view_can_have(question: str, name: str) -> None:
    assert names(question) == [name]


def test_names_are_unique_and_those_that_are_given_come_first() -> None:
    assert names("What is the total?", "total=How much?", "What is the total?") == ["total_2", "total", "total_3"]


def test_a_reference_is_plain_text_that_brings_its_questions_along(tmp_path: Path) -> None:
    asked = ["What is the policy number?", "total=What is 5 % of the total & what else?", "ราคา=x", "owner=ใครคือเจ้าของ"]
    reference = reference_of(asked)
    assert reference.isascii() and reference.isprintable() and " " not in reference
    assert absolute(reference, tmp_path) == reference
    model = load_schema(reference)
    told = {spec.name: spec.description for spec in specs(model)}
    assert told == {
        "policy_number": "What is the policy number?",
        "total": "What is 5 % of the total & what else?",
        "x": "ราคา=x",
        "owner": "ใครคือเจ้าของ",
    }
    assert {spec.kind for spec in specs(model)} == {Kind.TEXT}
    assert model.schema_name == "question" and model.needs_vision
    assert check_schema(model) == []
    assert list(answer_schema(model)["properties"]) == list(told) == record_type(model).names
    assert fingerprint(model) == fingerprint(load_schema(reference)) != fingerprint(load_schema(reference_of(asked[:2])))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "the schema question holds no question; write --ask"),
        ([""], "'answer_1' is empty"),
        (["total=a?", "TOTAL=b?"], "two questions are called 'TOTAL'"),
        (["copy=a?"], "no question can be called 'copy'"),
        ([f"q{n}=a?" for n in range(101)], "more than 100 questions"),
    ],
)
def test_questions_that_make_no_schema_are_refused(asked: list[str], said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        reference_of(asked)


def test_a_name_that_the_view_has_is_refused_where_the_user_gave_it() -> None:
    with pytest.raises(SchemaError, match="'source' is a column that the view has already"):
        load_schema(reference_of(["source=Where from?"], taken=VIEW_COLUMNS))


def test_a_file_of_questions_is_a_schema_of_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "Claim form.toml").write_text(
        'policy = "What is the policy number?"\nowner = "ใครคือเจ้าของ"\n', encoding="utf-8"
    )
    model = load_schema(absolute("Claim form.toml", tmp_path))
    assert model.schema_name == "claim_form" and model.needs_vision
    assert [(spec.name, spec.description) for spec in specs(model)] == [
        ("policy", "What is the policy number?"),
        ("owner", "ใครคือเจ้าของ"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "total = 3\n", "'total' is no question"),
        ("a.toml", "[total]\nask = 'x'\n", "'total' is no question"),
        ("a.toml", "", "holds no question"),
        ("a.toml", "total = \n", "cannot be read"),
        ("a.toml", '"the total" = "x?"\n', "a-z, 0-9 and _"),
        ("1.toml", 'total = "x?"\n', "begins with no letter"),
        ("invoice.toml", 'total = "x?"\n', "'invoice' is built in"),
        ("pages.toml", 'total = "x?"\n', "cannot be the name of a view"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SchemaError, match=said):
        load_schema(str(tmp_path / name))
    with pytest.raises(SchemaError, match="no file of questions"):
        load_schema(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize("reference", ["caption", "question?total=What%3F"])
def test_the_engine_that_reads_words_alone_refuses_what_must_be_seen(reference: str) -> None:
    with pytest.raises(UsageError, match="the engine ocr reads words alone") as refused:
        engine_identity(load_schema(reference), Settings(engine="ocr"))
    assert "--engine vllm" in refused.value.next_step and "--engine openai" in refused.value.next_step
    seen = Settings(engine="openai", model="m", base_url="http://127.0.0.1:9/v1")
    assert engine_identity(load_schema(reference), seen).prompt


@pytest.mark.parametrize("command", ["plan", "run"])
def test_the_refusal_comes_before_anything_starts(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\n")
    words = [command, "a.pdf", "--out", str(tmp_path / "out"), "--schema"]
    for schema, said in (
        (["question", "--ask", "What is the total?"], "the engine ocr reads words alone"),
        (["caption"], "the engine ocr reads words alone"),
        (["invoice", "--ask", "What is the total?"], "takes no questions"),
    ):
        done = CliRunner().invoke(app, [*words, *schema])
        assert isinstance(done.exception, UsageError) and said in str(done.exception)
    assert isinstance(CliRunner().invoke(app, [*words, "question"]).exception, SchemaError)
    assert not (tmp_path / "out").exists()


def test_doctor_says_which_schema_the_engine_cannot_read() -> None:
    for words in (["--schema", "caption"], ["--schema", "question", "--ask", "What is the total?"], ["--schema", "nope"]):
        done = CliRunner().invoke(app, ["doctor", *words])
        assert done.exit_code == 1
        assert "reads words alone" in done.stdout or "there is no schema called 'nope'" in done.stdout
    assert "ocr can read it" in CliRunner().invoke(app, ["doctor", "--schema", "invoice"]).stdout


def test_a_caption_is_no_conflict_between_pages_and_is_not_looked_for_on_them() -> None:
    schema, settings = load_schema("caption"), Settings()
    word = Word("Invoice", (0.1, 0.1, 0.2, 0.12), 0.9)
    made = []
    for page, said in ((1, "An invoice of a bakery."), (2, "A table of deliveries.")):
        words = PageWords(page, Frame(600, 800), (word,), WordsFrom.OCR, "en")
        leaves = [Leaf("caption", said, 0.01), Leaf("document_kind", "invoice", 0.6)]
        made.append(ground(normalize(leaves, schema, words), schema, words))
    merged = merge(made, schema)
    assert {value.path: value.value for value in merged.values} == {
        "caption": "An invoice of a bakery.",
        "document_kind": "invoice",
    }
    assert {(value.status, value.box, value.confidence) for value in merged.values} == {(Grounding.NO_WORDS, None, 0.9)}
    assert merged.conflicts == ()
    assert merged.values[0].confidence >= settings.review_below


def test_an_answer_to_a_question_is_grounded_where_it_is_printed() -> None:
    schema = load_schema(reference_of(["What is the policy number?"]))
    words = PageWords(1, Frame(600, 800), (Word("P-4711", (0.4, 0.1, 0.5, 0.12), 1.0),), WordsFrom.TEXT_LAYER, "en")
    [value] = ground(normalize([Leaf("policy_number", "P-4711", 0.95)], schema, words), schema, words)
    assert (value.status, value.page) == (Grounding.EXACT, 1)
    assert value.box == pytest.approx((0.4, 0.1, 0.5, 0.12))
    [lost] = ground(normalize([Leaf("policy_number", "X-99", 0.95)], schema, words), schema, words)
    assert (lost.status, lost.box) == (Grounding.NOT_FOUND, None)
