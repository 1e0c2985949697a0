"""Questions as a schema (document VQA): each question of the user's becomes a text field, for engines that see the page."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from pydantic import create_model

from schemas.base import DocumentSchema, Schema
from schemas.errors import SchemaError
from schemas.fields import Text, field
from schemas.json_reader import snake

NAME = "question"
PREFIX = f"{NAME}?"
"""How a reference begins that carries its questions with it, as `question?total=What+is+the+total%3F`."""

MOST_QUESTIONS = 100
MOST_LETTERS = 40
"""Of a name that is made from a question."""

_NAMED = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*\S)\s*", re.DOTALL)
_LEADING = frozenset(
    ("what", "which", "who", "whom", "whose", "when", "where", "how", "is", "are", "was", "were", "does", "do", "did")
    + ("the", "a", "an", "of")
)


class Question(DocumentSchema):
    """A document about which questions are asked; each is answered with what the document says, as it is printed there."""

    schema_name: ClassVar[str] = NAME
    needs_vision: ClassVar[bool] = True


def reference_of(asked: Sequence[str], taken: Iterable[str] = ()) -> str:
    """The reference of a schema of questions: plain text that means the same in every process.

    Args:
        asked: `What is the total?`, or `total=What is the total?` where the field is to have a name of the user's.
        taken: names that no field may have.

    Raises:
        SchemaError: a name is given twice or taken, or a question is empty.
    """
    named = [(found[1], found[2]) if (found := _NAMED.fullmatch(text)) else ("", text) for text in asked]
    used = {name.lower() for name, _ in named if name} | {name.lower() for name in taken}
    pairs: list[tuple[str, str]] = []
    for number, (name, question) in enumerate(named, 1):
        name = name or _free(_name_of(question) or f"answer_{number}", used)
        used.add(name.lower())
        pairs.append((name, " ".join(question.split())))
    schema_of(PREFIX + urlencode(pairs))
    return PREFIX + urlencode(pairs)


def schema_of(reference: str) -> Schema:
    """The schema of a reference that `reference_of` has made."""
    _, _, told = reference.partition("?")
    return _schema(parse_qsl(told, keep_blank_values=True), NAME, f"the schema {NAME}")


def load_questions(file: Path) -> Schema:
    """The schema in a TOML file of lines `name = "question"`; its name is the file's.

    Raises:
        SchemaError: it cannot be read, or holds something else.
    """
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SchemaError(f"there is no file of questions {file}") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SchemaError(f"the file of questions {file} cannot be read: {why}") from error
    if wrong := next((name for name, question in told.items() if not isinstance(question, str)), None):
        raise SchemaError(f'the file of questions {file}: {wrong!r} is no question; write name = "What is ...?"')
    name = snake(file.stem)
    if not name:
        raise SchemaError(f"the file of questions {file}: its name begins with no letter a-z, so no view can have it")
    return _schema(list(told.items()), name, str(file))


def _schema(pairs: Sequence[tuple[str, str]], name: str, source: str) -> Schema:
    if not pairs:
        raise SchemaError(
            f'{source} holds no question; write --ask "What is the policy number?", or total="What is the total?"'
        )
    if len(pairs) > MOST_QUESTIONS:
        raise SchemaError(f"{source} asks more than {MOST_QUESTIONS} questions; ask them in several runs")
    fields: dict[str, Any] = {}
    for field_name, question in pairs:
        if not _NAMED.fullmatch(f"{field_name}={question}"):
            why = "is empty" if not question.strip() else "has a name that is not made of a-z, 0-9 and _"
            raise SchemaError(f"{source}: the question {field_name!r} {why}")
        if field_name.lower() in {known.lower() for known in fields}:
            raise SchemaError(f'{source}: two questions are called {field_name!r}; name them apart, as in total="What ...?"')
        if hasattr(DocumentSchema, field_name) or field_name.startswith("model_"):
            raise SchemaError(f"{source}: no question can be called {field_name!r}; call it otherwise")
        fields[field_name] = (Text, field(question))
    made: Schema = create_model("Questions", __base__=Question, __doc__=Question.__doc__, **fields)
    made.schema_name = name
    return made


def _name_of(question: str) -> str:
    """A name of a question's words: `What is the policy number?` is `policy_number`; empty where it has no Latin letters."""
    plain = unicodedata.normalize("NFKD", question).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    while len(words) > 1 and words[0] in _LEADING:
        words.pop(0)
    while len(words) > 1 and len("_".join(words)) > MOST_LETTERS:
        words.pop()
    name = "_".join(words)[:MOST_LETTERS]
    return name if name[:1].isalpha() and not hasattr(DocumentSchema, name) else f"answer_{name}" if name else ""


def _free(name: str, used: set[str]) -> str:
    """The name, with a number behind it where it is used already."""
    if name not in used:
        return name
    return next(made for number in range(2, len(used) + 3) if (made := f"{name}_{number}") not in used)
