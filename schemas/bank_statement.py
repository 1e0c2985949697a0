"""Bank statements: what ISO 20022 camt.053 tells of an account over a period, in plain words."""

from typing import ClassVar

from schemas.base import DocumentSchema, Order, Row, Rule, Running, Signed, Sum, load_labels
from schemas.fields import Address, Currency, Date, Identifier, Money, Name, Text, field, table

_L = load_labels("bank_statement")


class Transaction(Row):
    """One entry of the account."""

    booking_date: Date = field("Day it was booked", labels=_L["booking_date"])
    value_date: Date = field("Day from which it counts for interest", labels=_L["value_date"])
    description: Text = field("What it was for, as printed", labels=_L["description"], required=True)
    reference: Identifier = field("Its number or reference", labels=_L["reference"])
    debit: Money = field("Money out, as printed in a column of its own, without a sign", labels=_L["debit"])
    credit: Money = field("Money in, as printed in a column of its own", labels=_L["credit"])
    amount: Money = field("The amount where one column holds both: money out is negative", labels=_L["amount"])
    balance: Money = field("Balance after it; negative where overdrawn", labels=_L["balance"])


class BankStatement(DocumentSchema):
    """A bank statement: what came into an account and went out of it over a period, and what is left."""

    schema_name: ClassVar[str] = "bank_statement"
    rules: ClassVar[tuple[Rule, ...]] = (
        Signed("transactions", "amount", plus="credit", minus="debit"),
        Sum("closing_balance", ("opening_balance", "transactions[].amount")),
        Running("transactions", "balance", "amount", start="opening_balance"),
        Order("period_start", "period_end"),
    )

    statement_number: Identifier = field("Number of the statement", labels=_L["statement_number"], scheme="document_number")
    issue_date: Date = field("Day the statement was made", labels=_L["issue_date"])
    period_start: Date = field("First day that it covers", labels=_L["period_start"])
    period_end: Date = field("Last day that it covers", labels=_L["period_end"])
    bank_name: Name = field("The bank", labels=_L["bank_name"], required=True, party="issuer")
    bank_address: Address = field("The bank's postal address", labels=_L["bank_address"], party="issuer")
    bank_bic: Identifier = field("The bank's BIC (SWIFT code)", labels=_L["bank_bic"], scheme="bic", party="issuer")
    account_holder: Name = field("Whose account it is", labels=_L["account_holder"], required=True, party="recipient")
    account_holder_address: Address = field(
        "The account holder's postal address", labels=_L["account_holder_address"], party="recipient"
    )
    account_iban: Identifier = field("The account's IBAN", labels=_L["account_iban"], scheme="iban")
    account_number: Identifier = field("The account's number, where no IBAN is printed", labels=_L["account_number"])
    currency: Currency = field("Currency of the account (ISO 4217)", labels=_L["currency"])
    opening_balance: Money = field("Balance before the first entry", labels=_L["opening_balance"])
    closing_balance: Money = field(
        "Balance after the last entry; negative where overdrawn", labels=_L["closing_balance"], required=True
    )
    total_credits: Money = field("Sum of the money in", labels=_L["total_credits"])
    total_debits: Money = field("Sum of the money out", labels=_L["total_debits"])
    transactions: list[Transaction] = table("The entries, in the order of the print")
