"""What can be wrong with a schema."""

from dataclasses import dataclass


class SchemaError(LookupError):
    """A schema that cannot be found or loaded; says why and what to write instead."""


@dataclass(frozen=True)
class Offence:
    """One thing that is wrong with a schema.

    Attributes:
        path: where: a JSON pointer into a JSON Schema (`/properties/total`), or a field of ours (`invoice.line_items[].extra`).
        message: what is wrong there.
        next_step: what to write instead.
    """

    path: str
    message: str
    next_step: str
