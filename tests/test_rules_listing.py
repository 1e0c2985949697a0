"""Reading the lists of slips by rules: names, counts and amounts on lines of their own, and where a list ends."""

from schemas.receipt import Receipt
from tests.test_rules_tables import rows


def test_a_slip_has_names_counts_and_amounts() -> None:
    found = rows(
        """
CORNER SHOP
Tel 020 7946 0033
Milk 1 l              1.20 A
Bread                 5.00 B
  2 x 2.50
Water
  6 @ 0.50            3.00 A
2 Coffee to go        4.40 B
Discount bread       -0.50
SUBTOTAL             13.10
VAT 20%               0.70
TOTAL                13.10
CASH                 20.00
CHANGE                6.90
""",
        schema=Receipt,
    )
    assert [(row["description"], row.get("quantity"), row["amount"]) for row in found] == [
        ("Milk 1 l", None, "1.20"),
        ("Bread", "2", "5.00"),
        ("Water", "6", "3.00"),
        ("Coffee to go", "2", "4.40"),
        ("Discount bread", None, "-0.50"),
    ]
    assert found[2]["unit_price"] == "0.50"


def test_number_and_price_close_behind_a_name_are_no_part_of_it() -> None:
    found = rows(
        """
Marché Dupuis
Beurre doux 2 2,77    5,54
Piles AA 1 6,85       6,85
Pain 7                3,16
TOTAL                15,55
""",
        schema=Receipt,
        language="fr",
    )
    assert [(row["description"], row.get("quantity"), row.get("unit_price")) for row in found] == [
        ("Beurre doux", "2", "2,77"),
        ("Piles AA", "1", "6,85"),
        ("Pain 7", None, None),
    ]


def test_counts_with_units_and_labels() -> None:
    found = rows(
        """
REWE Markt
Bananen                1,53 A
  0,512 kg x 2,99 EUR/kg
WINE RED              20,94 B
QTY 3 @ 6,98
AMOUNT EUR            22,47
SUMME EUR             22,47
""",
        "de",
        Receipt,
    )
    assert [(row["description"], row["quantity"], row["unit_price"]) for row in found] == [
        ("Bananen", "0,512", "2,99 EUR"),
        ("WINE RED", "3", "6,98"),
    ]


def test_a_list_ends_where_it_adds_up_whatever_the_word() -> None:
    found = rows("Ginger tea       2.50\nScones           4.00\nXYZZY            6.50\nPLUGH           10.00\n", schema=Receipt)
    assert [row["description"] for row in found] == ["Ginger tea", "Scones"]


def test_a_list_that_is_cut_off_is_believed_unless_one_line_outweighs_the_others() -> None:
    items = "Tart             8.50\nSoup            13.70\nSalad           15.20\nCoffee           3.50\n"
    assert len(rows(items, schema=Receipt)) == 4
    assert rows(items + "PLUGH           43.90\n", schema=Receipt) == []


def test_a_sum_that_ocr_misread_and_a_dish_that_is_spelt_alike() -> None:
    found = rows(
        """
Summer rolls             5.50
Ginger tea               2.50
T0tal                    9.00
""",
        schema=Receipt,
        misread=True,
    )
    assert [row["description"] for row in found] == ["Summer rolls", "Ginger tea"]


def test_one_item_printed_as_a_form() -> None:
    found = rows(
        """
Langley Fuel Stop
Date       12 Aug 2024
Diesel
Qty            48.72 l
Rate             1.605
Amount           78.20
Total            78.20
""",
        schema=Receipt,
    )
    assert found == [{"description": "Diesel", "quantity": "48.72", "unit_price": "1.605", "amount": "78.20"}]
