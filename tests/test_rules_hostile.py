"""Rules, leaders and whatever else repeats itself in print holds no rule up."""

import pytest

from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.sheet import Sheet
from schemas.bank_statement import BankStatement
from schemas.base import Schema
from schemas.contract import Contract
from schemas.form import Form
from schemas.identity_document import IdentityDocument
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tests.typewriter import typed

pytestmark = pytest.mark.timeout(120)

PIECES = ("_", "-", ".", "_.", "0", "X", "1,", "Z-", "a.", "A1", "-1", "*", "word/", "ก", "§", "(", "1:", "a@")
SCHEMAS = (Invoice, Receipt, BankStatement, Contract, IdentityDocument, Form)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.schema_name)
def test_print_without_an_end_is_read(schema: Schema) -> None:
    lines = [f"Invoice no. {piece * 800}!   Total: {piece * 800} 12.50" for piece in PIECES]
    paths = [leaf.path for leaf in read_sheet(Sheet(typed("\n".join(["INVOICE", *lines, "Total   12.50"]))), schema)]
    assert len(paths) == len(set(paths))
