"""The rows of a table of taxes, which invoices and receipts share."""

from schemas.base import Row, load_labels
from schemas.fields import Money, Percent, field

_L = load_labels("taxes")


class TaxRow(Row):
    """What is taxed at one rate, and the tax on it."""

    rate: Percent = field("The rate, in percent", labels=_L["rate"])
    base: Money = field("The sum that is taxed at it", labels=_L["base"])
    amount: Money = field("The tax", labels=_L["amount"], required=True)
