"""Finding a schema: a built-in one by name, a user's as `module:Class` or as a `.py` file."""

import hashlib
import sys
import unicodedata
from collections import Counter
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

from schemas import questions
from schemas.base import DocumentSchema, Order, Schema, spec_at, specs, terms
from schemas.errors import SchemaError
from schemas.fields import LANGUAGES, NUMERIC, FieldSpec, Kind
from schemas.json_schema import half_character, load_json_schema

BUILT_IN = {
    "invoice": "schemas.invoice:Invoice",
    "receipt": "schemas.receipt:Receipt",
    "bank_statement": "schemas.bank_statement:BankStatement",
    "contract": "schemas.contract:Contract",
    "identity_document": "schemas.identity_document:IdentityDocument",
    "form": "schemas.form:Form",
    "caption": "schemas.caption:Caption",
}

RESERVED = ("documents", "pages", "fields", "quarantine", "conflicts", "checks", "runs", "latest", "nothing")
"""Names of the views every store has, the inner ones included; no schema may take one. SQL knows no case."""

VIEW_COLUMNS = (
    "document_id",
    "source",
    "language",
    "page_count",
    "status",
    "engine",
    "confidence",
    "needs_review",
    "review_reasons",
    "corrected_fields",
    "run_id",
    "extracted_at",
)
"""Columns that the view of a schema has beside its fields; no field may take one."""

ROW_COLUMNS = ("document_id", "source", "page", "line")
"""Columns that the view of a table has beside its own."""

LONGEST_NAME = 200
"""Bytes of a schema's name, which is part of a folder's: no file system takes more than 255 of those."""


def view_names(schema: Schema) -> list[str]:
    """The names of the views that a store has of `schema`: its own, and one for each of its tables."""
    tables = (spec.name for spec in specs(schema) if spec.kind is Kind.TABLE)
    return [schema.schema_name, *(f"{schema.schema_name}_{table}" for table in tables)]


def load_schema(reference: str) -> Schema:
    """The schema that `reference` names.

    Args:
        reference: a built-in name, `module:Class`, the path of a `.py` file (`file.py:Class` where it holds several), of a
            JSON Schema file, or of a `.toml` file of questions, or `question?...` as `questions.reference_of` writes it.

    Raises:
        SchemaError: nothing of that name, it cannot be imported, or it is not a schema.
    """
    if reference == questions.NAME or reference.startswith(questions.PREFIX):
        return _checked(questions.schema_of(reference), reference)
    if reference.endswith(".toml"):
        return _checked(questions.load_questions(Path(reference)), reference)
    if reference.endswith(".json"):
        return _checked(load_json_schema(Path(reference)), reference)
    path, _, name = reference.partition(".py:")
    if reference.endswith(".py") or ".py:" in reference:
        file = Path(path if reference.endswith(".py") else f"{path}.py")
        return _checked(_pick(_load_file(file), name, reference), reference)
    told = BUILT_IN.get(reference, reference)
    module, colon, attribute = told.partition(":")
    if not colon:
        raise SchemaError(
            f"there is no schema called {reference!r}; built in are {', '.join(BUILT_IN)}, your own is given as "
            "module:Class, as a .py file or as a JSON Schema file"
        )
    try:
        return _checked(_pick(import_module(module), attribute, reference), reference)
    except ImportError as error:
        raise SchemaError(f"schema {reference!r}: cannot import {module!r}: {error}") from error


def absolute(reference: str, folder: Path) -> str:
    """The same reference in a form that means the same from any folder and in any process.

    A file's path becomes absolute; `module:Class` becomes `FILE.py:Class` where the module is a file below `folder`.
    """
    if reference in BUILT_IN or reference.startswith(questions.PREFIX):
        return reference
    if reference.endswith((".py", ".json", ".toml")):
        return str((folder / reference).resolve())
    if ".py:" in reference:
        return str(folder.resolve() / reference)
    module, colon, name = reference.partition(":")
    file = folder.resolve() / f"{module.replace('.', '/')}.py"
    return f"{file}:{name}" if colon and file.is_file() else reference


def _load_file(file: Path) -> ModuleType:
    """The module in `file`, under a private name, so that no module of ours or of the user's is shadowed."""
    if not file.is_file():
        raise SchemaError(f"there is no schema file {file}")
    private = f"_octoglot_schema_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    found = util.spec_from_file_location(private, file)
    if found is None or found.loader is None:
        raise SchemaError(f"{file} is not a Python file")
    module = util.module_from_spec(found)
    sys.modules[private] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[private]
        raise SchemaError(f"schema file {file} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


def _pick(module: ModuleType, name: str, reference: str) -> object:
    if name:
        if not hasattr(module, name):
            raise SchemaError(f"schema {reference!r}: {module.__name__} has no {name!r}")
        return getattr(module, name)
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DocumentSchema) and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        named = ", ".join(model.__name__ for model in own) or "none"
        raise SchemaError(f"schema file {reference} must hold one schema, it holds {named}: write FILE.py:Class")
    return own[0]


def _checked(found: object, reference: str) -> Schema:
    if not (isinstance(found, type) and issubclass(found, DocumentSchema)):
        raise SchemaError(f"schema {reference!r} is not a subclass of schemas.base.DocumentSchema")
    if not found.schema_name.isidentifier() or found.schema_name.lower() in RESERVED:
        raise SchemaError(f"schema {reference!r}: {found.schema_name!r} cannot be the name of a view; set schema_name")
    name, own = found.schema_name.lower(), f"{found.__module__}:{found.__name__}"
    asked = name == questions.NAME and not issubclass(found, questions.Question)
    if asked or BUILT_IN.get(name, own) != own:
        raise SchemaError(f"schema {reference!r}: {found.schema_name!r} is built in; give yours another schema_name")
    if len(name.encode()) > LONGEST_NAME:  # an identifier holds no half characters
        raise SchemaError(f"schema {reference!r}: its name has more than {LONGEST_NAME} bytes; set a shorter schema_name")
    if name not in BUILT_IN:
        _check_views(reference, found)
    _check_rules(reference, found)
    _check_names(reference, found.schema_name, [spec.name for spec in specs(found)])
    for spec in specs(found):
        _check_texts(reference, spec)
        _check_labels(reference, spec)
        _check_column(reference, spec.name, spec.name, found.schema_name, VIEW_COLUMNS)
        _check_names(reference, spec.name, [column.name for column in spec.columns])
        for column in spec.columns:
            _check_column(reference, f"{spec.name}[].{column.name}", column.name, spec.name, ROW_COLUMNS)
    return found


def _check_views(reference: str, found: Schema) -> None:
    """No view of a user's schema has the name of a view of a built-in one: a store may hold both."""
    for view in view_names(found):
        lower = view.lower()
        near = [name for name in BUILT_IN if lower == name or lower.startswith(f"{name}_")]
        if any(lower in view_names(load_schema(name)) for name in near):
            raise SchemaError(
                f"schema {reference!r}: its view {view!r} would take the place of a built-in schema's; set another schema_name"
            )


def _check_texts(reference: str, spec: FieldSpec) -> None:
    """All that a schema says can be stored, and every word that is to be looked for is one."""
    for leaf in (spec, *spec.columns):
        words = [word for told in (leaf.labels, *leaf.choice_words.values()) for spoken in told.values() for word in spoken]
        for text in (leaf.name, leaf.description, *leaf.choices, *words):
            _check_storable(reference, leaf.name, text)
        if not all(any(unicodedata.category(c)[0] in "LNPS" for c in word) for word in words):
            raise SchemaError(f"schema {reference!r}: a label or a word of {leaf.name!r} is blank; leave it out")


def _check_storable(reference: str, name: str, text: str) -> None:
    if half := half_character(text):
        raise SchemaError(f"schema {reference!r}: a text of {name!r} holds half a character ({half}); write it anew")


def _check_labels(reference: str, spec: FieldSpec) -> None:
    for leaf in (spec, *spec.columns):
        spoken = {language for words in (leaf.labels, *leaf.choice_words.values()) for language in words}
        if unknown := sorted(spoken - set(LANGUAGES)):
            raise SchemaError(
                f"schema {reference!r}: the labels of {leaf.name!r} are in {', '.join(map(repr, unknown))}; "
                f"languages are {', '.join(LANGUAGES)}"
            )
        if strange := sorted(set(leaf.choice_words) - set(leaf.choices)):
            raise SchemaError(
                f"schema {reference!r}: {leaf.name!r} has words for {', '.join(map(repr, strange))}; "
                f"its choices are {', '.join(leaf.choices) or 'none'}"
            )


def _check_rules(reference: str, found: Schema) -> None:
    """Every name in a rule is one of the schema's fields, of a kind that the rule can judge: else it never would be."""
    for rule in found.rules:
        kinds = (Kind.DATE,) if isinstance(rule, Order) else NUMERIC
        told = {}
        for path in terms(rule):
            try:
                told[path] = spec_at(found, path).kind
            except KeyError as error:
                raise SchemaError(f"schema {reference!r}: the rule {rule} speaks of {path!r}, which it has not") from error
        if odd := next((f"{path!r}, which is {kind}" for path, kind in told.items() if kind not in kinds), ""):
            raise SchemaError(f"schema {reference!r}: the rule {rule} speaks of {odd}, not {' or '.join(kinds)}")


def _check_names(reference: str, owner: str, names: list[str]) -> None:
    """No two fields are told apart by capitals alone: SQL does not."""
    times = Counter(name.lower() for name in names)
    if twice := [name for name in names if times[name.lower()] > 1]:
        raise SchemaError(f"schema {reference!r}: {' and '.join(twice)} of {owner!r} are one name in SQL; call one otherwise")


def _check_column(reference: str, path: str, name: str, owner: str, taken: tuple[str, ...]) -> None:
    if name.lower() in taken:
        raise SchemaError(
            f"schema {reference!r}: {path!r} is a column that the view has already; call the field {owner}_{name} or the like"
        )
