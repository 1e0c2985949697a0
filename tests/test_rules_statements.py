"""Reading bank statements by rules: columns of money in and out, one column with signs, lines that are no entries, periods."""

from datetime import date
from decimal import Decimal
from typing import ClassVar

import pytest

from pipeline.engines.ocr import read_sheet
from pipeline.engines.rules.sheet import Sheet
from pipeline.ground import ground
from pipeline.normalize import normalize
from pipeline.records import Grounding
from pipeline.values.sides import side_of, split_side
from schemas.bank_statement import BankStatement
from schemas.base import DocumentSchema, Row, Rule, Running, Signed
from schemas.fields import Date, Money, Text, field, table
from tests.typewriter import typed

Print = dict[str, str]


def read(text: str, language: str = "en", page: int = 1) -> tuple[Print, list[Print]]:
    """The fields and the entries of a typed statement, as printed."""
    fields: Print = {}
    rows: dict[int, Print] = {}
    for leaf in read_sheet(Sheet(typed(text, language, page=page)), BankStatement):
        if leaf.path.startswith("transactions["):
            number, _, column = leaf.path.removeprefix("transactions[").partition("].")
            rows.setdefault(int(number), {})[column] = leaf.verbatim
        else:
            fields[leaf.path] = leaf.verbatim
    assert list(rows) == list(range(len(rows)))
    return fields, list(rows.values())


COLUMNS = """
Northgate Bank
Statement period:  01/03/2024 to 31/03/2024

Date         Description                              Paid out      Paid in      Balance
             Opening balance                                                     1,000.00
02/03/2024   DIRECT DEBIT                               120.00                     880.00
             Severn Water, contract 4471
05/03/2024   SALARY                                                2,500.00      3,380.00
09/03/2024   CARD PAYMENT                                35.50                   3,344.50
             Balance carried forward                                             3,344.50

             Closing balance                                                     3,344.50
"""


def test_money_in_and_money_out_have_columns_of_their_own() -> None:
    fields, rows = read(COLUMNS)
    assert rows == [
        {
            "booking_date": "02/03/2024",
            "description": "DIRECT DEBIT Severn Water, contract 4471",
            "debit": "120.00",
            "balance": "880.00",
        },
        {"booking_date": "05/03/2024", "description": "SALARY", "credit": "2,500.00", "balance": "3,380.00"},
        {"booking_date": "09/03/2024", "description": "CARD PAYMENT", "debit": "35.50", "balance": "3,344.50"},
    ]
    assert (fields["opening_balance"], fields["closing_balance"]) == ("1,000.00", "3,344.50")


def test_both_dates_of_a_period_stand_behind_one_label() -> None:
    fields, _ = read(COLUMNS)
    assert (fields["period_start"], fields["period_end"]) == ("01/03/2024", "31/03/2024")


def test_the_running_balance_tells_columns_whose_headings_are_misleading() -> None:
    _, rows = read(
        """
Date         Description                              Credit       Debit       Balance
02/03/2024   One                                      120.00                    880.00
05/03/2024   Two                                                 2,500.00      3,380.00
09/03/2024   Three                                     35.50                   3,344.50
12/03/2024   Four                                      44.50                   3,300.00
"""
    )
    assert [(row.get("debit"), row.get("credit")) for row in rows] == [
        ("120.00", None),
        (None, "2,500.00"),
        ("35.50", None),
        ("44.50", None),
    ]


@pytest.mark.parametrize(
    ("language", "head", "out", "into"),
    [
        ("de", "Buchung      Verwendungszweck                        Betrag         Saldo", "120,00 S", "2.500,00 H"),
        ("de", "Buchung      Verwendungszweck                        Betrag         Saldo", "120,00-", "2.500,00+"),
        ("en", "Date         Description                             Amount       Balance", "120.00 DR", "2,500.00 CR"),
        ("en", "Date         Description                             Amount       Balance", "(120.00)", "2,500.00"),
        ("fr", "Date         Libellé                                Montant         Solde", "-120,00", "2 500,00"),
    ],
)
def test_one_column_tells_the_side_by_a_sign_or_a_letter(language: str, head: str, out: str, into: str) -> None:
    text = f"""
{head}
02.03.2024   Rent                                {out:>14}        880.00
05.03.2024   Salary                              {into:>14}      3,380.00
"""
    if language != "en":
        text = text.replace("880.00", "880,00").replace("3,380.00", "3 380,00" if language == "fr" else "3.380,00")
    words = typed(text, language)
    values = {value.path: value.value for value in normalize(read_sheet(Sheet(words), BankStatement), BankStatement, words)}
    assert values["transactions[0].amount"] == Decimal("-120")
    assert values["transactions[1].amount"] == Decimal("2500")
    assert values["transactions[1].balance"] == Decimal("3380")
    assert values["transactions[0].booking_date"] == date(2024, 3, 2)


def test_an_overdrawn_balance_keeps_its_letter() -> None:
    words = typed(
        """
Alter Kontostand: 50,00 H     Neuer Kontostand: 1.234,50 S

Buchung      Verwendungszweck                        Betrag            Saldo
02.03.2024   Miete                                 1.284,50 S        1.234,50 S
""",
        "de",
    )
    values = {value.path: value.value for value in normalize(read_sheet(Sheet(words), BankStatement), BankStatement, words)}
    assert values["closing_balance"] == Decimal("-1234.50")
    assert values["opening_balance"] == Decimal("50")
    assert values["transactions[0].balance"] == Decimal("-1234.50")


def test_a_date_without_a_year_starts_an_entry_and_is_kept_as_printed() -> None:
    _, rows = read(
        """
Buchung   Valuta    Verwendungszweck                       Soll       Haben
02.03.    03.03.    Dauerauftrag Miete                   800,00
                    Hausverwaltung Ost
05.03.    05.03.    Gehalt                                         2.500,00
""",
        "de",
    )
    assert rows == [
        {
            "booking_date": "02.03.",
            "value_date": "03.03.",
            "description": "Dauerauftrag Miete Hausverwaltung Ost",
            "debit": "800,00",
        },
        {"booking_date": "05.03.", "value_date": "05.03.", "description": "Gehalt", "credit": "2.500,00"},
    ]


def test_a_page_without_a_heading_is_read_by_its_balance_alone() -> None:
    _, rows = read(
        """
02/03/2024   One                                      120.00                    880.00
05/03/2024   Two                                                 2,500.00      3,380.00
09/03/2024   Three                                     35.50                   3,344.50
12/03/2024   Four                                      44.50                   3,300.00
""",
        page=2,
    )
    assert [(row.get("debit"), row.get("credit"), row["balance"]) for row in rows] == [
        ("120.00", None, "880.00"),
        (None, "2,500.00", "3,380.00"),
        ("35.50", None, "3,344.50"),
        ("44.50", None, "3,300.00"),
    ]


def test_without_heading_and_balance_nothing_tells_in_from_out() -> None:
    _, rows = read(
        """
02/03/2024   One                                      120.00
05/03/2024   Two                                    2,500.00
09/03/2024   Three                                     35.50
""",
        page=2,
    )
    assert rows == []


@pytest.mark.parametrize(
    ("text", "bare", "side"),
    [
        ("1.234,50 S", "1.234,50", "out"),
        ("1.234,50H", "1.234,50", "in"),
        ("12.00 DR", "12.00", "out"),
        ("CR 12.00", "12.00", "in"),
        ("12,00+", "12,00", "in"),
        ("12,00-", "12,00-", ""),
        ("12.00 USD", "12.00 USD", ""),
    ],
)
def test_the_side_of_an_amount(text: str, bare: str, side: str) -> None:
    assert split_side(text) == (bare, side)


def test_a_word_is_a_side_only_as_a_whole() -> None:
    assert [side_of(word) for word in ("S", "Soll", "(H)", "Sollstellung", "USD")] == ["out", "out", "in", "", ""]


def test_balances_that_are_carried_are_neither_first_nor_last() -> None:
    text = """
             Balance brought forward                                             3,344.50
Date         Description                              Paid out      Paid in      Balance
12/03/2024   CARD PAYMENT                                44.50                   3,300.00
             Balance carried forward                                             3,300.00
"""
    middle = {leaf.path for leaf in read_sheet(Sheet(typed(text, page=2)), BankStatement, 3)}
    assert not {"opening_balance", "closing_balance"} & middle
    alone = {leaf.path: leaf.verbatim for leaf in read_sheet(Sheet(typed(text)), BankStatement, 1)}
    assert alone.get("opening_balance") == "3,344.50"


class Movement(Row):
    """A line of a till book."""

    day: Date = field("Day", labels={"en": ["Day"]})
    what: Text = field("What for", labels={"en": ["What for"]}, required=True)
    out: Money = field("Money out", labels={"en": ["Out"]})
    into: Money = field("Money in", labels={"en": ["In"]})
    net: Money = field("What it comes to")
    left: Money = field("What is left", labels={"en": ["Left"]})


class TillBook(DocumentSchema):
    """A user's own account."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Signed("movements", "net", plus="into", minus="out"),
        Running("movements", "left", "net", start="first"),
    )
    first: Money = field("What was there", labels={"en": ["Start"]})
    movements: list[Movement] = table("The lines")


def test_a_users_own_account_is_read_by_its_rules() -> None:
    text = """
Day          What for                 Out       In      Left
             Start                                    100.00
02/03/2024   Stamps                 12.00              88.00
             and envelopes
03/03/2024   Refund                           5.00     93.00
"""
    found = {leaf.path: leaf.verbatim for leaf in read_sheet(Sheet(typed(text)), TillBook)}
    assert found == {
        "first": "100.00",
        "movements[0].day": "02/03/2024",
        "movements[0].what": "Stamps and envelopes",
        "movements[0].out": "12.00",
        "movements[0].left": "88.00",
        "movements[1].day": "03/03/2024",
        "movements[1].what": "Refund",
        "movements[1].into": "5.00",
        "movements[1].left": "93.00",
    }


def test_entries_in_blocks_under_their_day() -> None:
    _, rows = read(
        """
Monday, 4 March 2024
DIRECT DEBIT                                               -120.00
Severn Water
Reference: DD4471
Balance                                                     880.00
SALARY                                                    2,500.00
Balance                                                   3,380.00
Wednesday, 6 March 2024
CARD PAYMENT                                                -35.50
Balance                                                   3,344.50
"""
    )
    assert [(row["booking_date"], row["description"], row["amount"], row["balance"]) for row in rows] == [
        ("4 March 2024", "DIRECT DEBIT Severn Water", "-120.00", "880.00"),
        ("4 March 2024", "SALARY", "2,500.00", "3,380.00"),
        ("6 March 2024", "CARD PAYMENT", "-35.50", "3,344.50"),
    ]
    assert rows[0]["reference"] == "DD4471"


def test_a_balance_on_the_second_line_of_an_entry() -> None:
    _, rows = read(
        """
Monday, 4 March 2024
DIRECT DEBIT                                               -120.00
Severn Water                                                880.00
SALARY                                                    2,500.00
Northgate Ltd                                             3,380.00
Wednesday, 6 March 2024
CARD PAYMENT                                                -35.50
Corner Shop                                               3,344.50
"""
    )
    assert [(row["booking_date"], row["description"], row["amount"], row["balance"]) for row in rows] == [
        ("4 March 2024", "DIRECT DEBIT Severn Water", "-120.00", "880.00"),
        ("4 March 2024", "SALARY Northgate Ltd", "2,500.00", "3,380.00"),
        ("6 March 2024", "CARD PAYMENT Corner Shop", "-35.50", "3,344.50"),
    ]


REVERSAL = """
Date         Description                              Paid out      Paid in      Balance
02/03/2024   DIRECT DEBIT                              {}120.00                     880.00
05/03/2024   CARD PAYMENT                               {}30.00                     850.00
07/03/2024   REVERSAL                                   {}30.00                     880.00
09/03/2024   CARD PAYMENT                               {}35.50                     844.50
"""


@pytest.mark.parametrize("signs", [(" ", " ", "-", " "), ("-", "-", " ", "-")])
def test_a_sign_in_a_column_of_one_side_stays_in_print_and_has_a_box(signs: tuple[str, ...]) -> None:
    words = typed(REVERSAL.format(*signs), "en")
    found = normalize(read_sheet(Sheet(words), BankStatement), BankStatement, words)
    values = {value.path: value for value in ground(found, BankStatement, words)}
    debits = [values[f"transactions[{n}].debit"] for n in range(4)]
    assert [one.verbatim for one in debits] == [
        (sign + number).strip() for sign, number in zip(signs, ("120.00", "30.00", "30.00", "35.50"), strict=True)
    ]
    assert [one.value for one in debits] == [Decimal("120.00"), Decimal("30.00"), Decimal("-30.00"), Decimal("35.50")]
    assert [values[f"transactions[{n}].amount"].value for n in range(4)] == [-one.value for one in debits]
    assert all(one.status is Grounding.EXACT for one in debits)
    tops = [one.box[1] for one in debits if one.box]
    assert len(set(tops)) == 4 and tops == sorted(tops)


@pytest.mark.parametrize(
    ("language", "payees"),
    [
        ("pt", ("Transportes Silva Lda", "Transporte", "Saldo Imóveis")),
        ("en", ("Reporters Bookshop", "Continued Learning Ltd", "Report")),
        ("de", ("Vortragshonorar Schmidt", "Vortrag", "Übertrag Sparkonto")),
        ("fr", ("Report SARL", "Report", "Solde Tout Compte")),
    ],
)
def test_payees_that_begin_like_what_is_carried_are_entries(language: str, payees: tuple[str, ...]) -> None:
    heads = {
        "pt": "Data         Descrição                                Débito       Crédito      Saldo",
        "en": "Date         Description                              Debit        Credit       Balance",
        "de": "Datum        Beschreibung                             Soll         Haben        Saldo",
        "fr": "Date         Libellé                                  Débit        Crédit       Solde",
    }
    amounts = ("120.00       880.00", "30.00        850.00", "50.00        800.00")
    entries = [
        f"0{n}/03/2024   {payee:<42}{amount[:6]:>6}                    {amount[-6:]}"
        for n, (payee, amount) in enumerate(zip(payees, amounts, strict=True), 1)
    ]
    _, rows = read("\n".join(["", heads[language], *entries, ""]), language)
    assert [row["description"] for row in rows] == list(payees)


def test_sums_that_are_carried_are_no_entries() -> None:
    _, rows = read(
        """
Data         Descrição                              Débito      Crédito       Saldo
01/03/2024   Transporte                                                      1.000,00
02/03/2024   Transporte                             120,00                     880,00
03/03/2024   Correios                                30,00                     850,00
             Transporte                                                        850,00
             A transportar                                                     850,00
""",
        "pt",
    )
    assert [(row["description"], row["debit"]) for row in rows] == [("Transporte", "120,00"), ("Correios", "30,00")]
