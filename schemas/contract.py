"""Contracts: who agrees with whom on what, from when, until when and under which law."""

from typing import ClassVar

from schemas.base import DocumentSchema, Order, Row, Rule, load_labels
from schemas.fields import Address, Currency, Date, Identifier, Money, Name, Text, field, table

_L = load_labels("contract")


class ContractParty(Row):
    """One of those who sign."""

    role: Text = field("What the contract calls it, as in Landlord or Lessee", labels=_L["role"])
    name: Name = field("Its name", labels=_L["name"], required=True)
    address: Address = field("Its postal address", labels=_L["address"])
    representative: Name = field("Who signs for it", labels=_L["representative"])
    tax_id: Identifier = field("Its tax or VAT number", labels=_L["tax_id"], scheme="tax_id")


class Contract(DocumentSchema):
    """A contract: what two or more parties agree on."""

    schema_name: ClassVar[str] = "contract"
    rules: ClassVar[tuple[Rule, ...]] = (Order("effective_date", "end_date"),)

    contract_type: Text = field("Its title, as in Lease agreement", labels=_L["contract_type"], required=True)
    contract_number: Identifier = field("Number of the contract", labels=_L["contract_number"], scheme="document_number")
    signature_date: Date = field("Day it was signed", labels=_L["signature_date"])
    effective_date: Date = field("Day from which it holds", labels=_L["effective_date"])
    end_date: Date = field("Last day on which it holds", labels=_L["end_date"])
    term: Text = field("How long it holds, as in 24 months", labels=_L["term"])
    notice_period: Text = field("How long before its end it is to be given notice of", labels=_L["notice_period"])
    renewal: Text = field("Whether and how it is prolonged", labels=_L["renewal"])
    contract_value: Money = field("What is to be paid, the price, the rent or the salary", labels=_L["contract_value"])
    currency: Currency = field("Currency of the amounts (ISO 4217)", labels=_L["currency"])
    payment_terms: Text = field("When and how it is to be paid", labels=_L["payment_terms"])
    governing_law: Text = field("The law it stands under", labels=_L["governing_law"])
    jurisdiction: Text = field("Place of the court that decides", labels=_L["jurisdiction"])
    parties: list[ContractParty] = table("Those who agree", labels=_L["parties"])
