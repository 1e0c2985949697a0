"""The document types besides invoices and receipts: their layouts, and who draws what they say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sample_data.generator import bank_statement, contract, form, identity
from sample_data.generator.bank_statement import BankLayout
from sample_data.generator.contract import ContractLayout
from sample_data.generator.drawn import Drawn
from sample_data.generator.form import FormLayout
from sample_data.generator.identity import IdentityLayout


@dataclass(frozen=True)
class Kind:
    """A document type.

    Attributes:
        draw: makes a document for a layout.
        layouts: by name, which is that of a template; one more is a line here.
        held_out: those drawn on request alone, to test a reader on what it was not made to fit.
    """

    draw: Callable[..., Drawn]
    layouts: Mapping[str, Any]
    held_out: Mapping[str, Any] = field(default_factory=dict)


_BOOKED = ("booking_date", "value_date", "description")
KINDS: Mapping[str, Kind] = {
    bank_statement.SCHEMA: Kind(
        bank_statement.drawn,
        {
            "statement_letter": BankLayout(("booking_date", "description", "value_date", "money", "balance"), (13, 21)),
            "statement_branch": BankLayout((*_BOOKED, "reference", "money"), (14, 22)),
            "statement_print": BankLayout(("booking_date", "reference", "description", "money", "balance"), (17, 23)),
        },
        {"statement_days": BankLayout(("booking_date", "description", "reference", "money", "balance"), (40, 40), (6, 8))},
    ),
    contract.SCHEMA: Kind(contract.drawn, {"contract_prose": ContractLayout(), "contract_table": ContractLayout(table=True)}),
    identity.SCHEMA: Kind(identity.drawn, {"passport": IdentityLayout("passport"), "card": IdentityLayout("identity_card")}),
    form.SCHEMA: Kind(
        form.drawn,
        {"form_lines": FormLayout(("[ ]", "[x]")), "form_boxes": FormLayout(), "form_captions": FormLayout()},
        {"form_under": FormLayout()},
    ),
}
"""By schema."""
