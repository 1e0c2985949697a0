"""What a document says, as typed values whose sums are right: parties, lines, taxes and totals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sample_data.generator import draw, parties
from sample_data.generator.parties import Account, Party
from sample_data.generator.places import Place, ShopItem, TradeItem

TRAITS = ("prepaid", "two_rates", "credit", "negative_credit", "untaxed", "large", "two_pages", "three_pages")
"""What can be special about an invoice."""

_LARGE = 200_000
_PAGES = {"two_pages": 2, "three_pages": 3}


@dataclass(frozen=True)
class Line:
    """One line: `amount` is quantity × price less the discount (percent), rounded; `rate` None where no tax is shown."""

    description: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal
    rate: Decimal | None
    article: str = ""
    discount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Tax:
    """One tax of the document; `part` names it where a rate is shown in parts."""

    rate: Decimal
    base: Decimal
    amount: Decimal
    part: str = ""


@dataclass(frozen=True)
class Money:
    """The sums: net + the taxes = total."""

    net: Decimal
    taxes: tuple[Tax, ...]
    total: Decimal

    @property
    def tax(self) -> Decimal:
        """All taxes together."""
        return sum((tax.amount for tax in self.taxes), Decimal(0))


@dataclass(frozen=True)
class Invoice:
    """What an invoice or credit note says; None for what it does not say. `trade` is a key of the place's trades."""

    place: Place
    trade: str
    seller: Party
    buyer: Party
    account: Account
    number: str
    issued: date
    due: date | None
    days: int
    lines: tuple[Line, ...]
    money: Money
    untaxed: bool
    prepaid: Decimal | None
    earlier: date
    amount_due: Decimal | None
    credit_of: str | None
    customer_no: str
    order_no: str
    ordered: date
    delivered: date


@dataclass(frozen=True)
class Receipt:
    """What a receipt says. `given` is the cash handed over, None where paid by card; no taxes where none are shown."""

    place: Place
    shop: str
    seller: Party
    number: str
    issued: date
    time: str
    lines: tuple[Line, ...]
    money: Money
    given: Decimal | None
    staff: str
    customer: str


def invoice(place: Place, traits: Sequence[str], capacity: tuple[int, int], random: Random) -> Invoice:
    """An invoice of the place with the given traits; `capacity` is how many lines the first page and each after it hold."""
    untaxed = "untaxed" in traits
    kind = "service" if untaxed else "mixed" if "two_rates" in traits else "goods" if _long(traits) else _kind(random)
    trade = place.trades[kind]
    items = _items(trade.items, traits, _count(traits, capacity, random), random)
    times = -1 if "negative_credit" in traits else 1
    lines = _lines(items, place, times, untaxed, random)
    while "large" in traits and _taxed(lines, place).net < _LARGE:
        times *= 10
        lines = _lines(items, place, times, untaxed, random)
    money = _taxed(lines, place)
    issued = draw.day(random)
    days = random.choice((10, 14, 30, 45))
    prepaid = draw.cents(money.total * random.randint(15, 60) / 100) if "prepaid" in traits else None
    owed = money.total - prepaid if prepaid is not None else money.total if random.random() < 0.2 else None
    credit = "credit" in traits or "negative_credit" in traits
    return Invoice(
        place=place,
        trade=kind,
        seller=parties.freelancer(place, random) if untaxed else parties.company(place, random.choice(trade.words), random),
        buyer=parties.company(
            place, random.choice(place.trades[_kind(random)].words), random, tax_id=not untaxed and _asks_tax_id(place, random)
        ),
        account=parties.account(place, random),
        number=number(place, issued, random),
        issued=issued,
        due=None if credit or random.random() < 0.15 else issued + timedelta(days=days),
        days=days,
        lines=lines,
        money=money,
        untaxed=untaxed,
        prepaid=prepaid,
        earlier=issued - timedelta(days=random.randint(3, 25)),
        amount_due=None if credit else owed,
        credit_of=number(place, issued - timedelta(days=40), random) if credit else None,
        customer_no=str(random.randint(10023, 79_899)),
        order_no=draw.picture(random.choice(("45########", "PO-#####", "@@-####", "######")), random),
        ordered=issued - timedelta(days=random.randint(8, 30)),
        delivered=issued - timedelta(days=random.randint(1, 6)),
    )


def receipt(place: Place, shop: str, random: Random) -> Receipt:
    """A receipt of a shop (a key of the place's shops)."""
    told = place.shops[shop]
    count = {"fuel": (1, 1), "bill": (1, 4), "restaurant": (3, 6), "till": (4, 9)}[shop]
    items = random.sample(told.items, min(random.randint(*count), len(told.items)))
    lines = tuple(_bought(item, place, shop, random) for item in items)
    money = _sold(lines, place, shop)
    cash = random.random() < 0.6 and shop != "bill"
    return Receipt(
        place=place,
        shop=shop,
        seller=parties.shop(place, random.choice(told.words), random),
        number=draw.picture(random.choice(("####", "######", "##/####", "#####-##")), random),
        issued=draw.day(random),
        time=f"{random.randint(8, 21):02}:{random.randint(0, 59):02}",
        lines=lines,
        money=money,
        given=_note(money.total) if cash else None,
        staff=random.choice(place.given),
        customer=f"{random.choice(place.given)} {random.choice(place.surnames)}",
    )


def number(place: Place, issued: date, random: Random) -> str:
    """The number of an invoice issued on that day."""
    year = issued.year + place.calendar
    styles = ("{p}-{y}-####", "{y}-#####", "{p}{yy}####", "{y}/####", "########", "{p} {y}/###")
    pattern = place.invoice_number or random.choice(styles).format(p=place.prefix, y=year, yy=year % 100)
    return draw.picture(pattern, random)


def _long(traits: Sequence[str]) -> bool:
    return any(trait in _PAGES for trait in traits)


def _count(traits: Sequence[str], capacity: tuple[int, int], random: Random) -> int:
    """How many lines an invoice has: so many that it needs the pages that its traits say."""
    pages = next((_PAGES[trait] for trait in traits if trait in _PAGES), 1)
    if pages > 1:
        return capacity[0] + (pages - 2) * capacity[1] + random.randint(4, 10)
    return random.randint(2, 4) if "untaxed" in traits else random.randint(3, 7)


def _kind(random: Random) -> str:
    return random.choice(("service", "goods", "goods", "mixed"))


def _asks_tax_id(place: Place, random: Random) -> bool:
    everywhere = place.country in ("IT", "PT", "BR", "IN", "ES", "MX", "TH")
    return place.country not in ("US", "GB") and random.random() < (0.9 if everywhere else 0.35)


def _items(items: Sequence[TradeItem], traits: Sequence[str], count: int, random: Random) -> list[TradeItem]:
    while True:
        chosen = random.sample(items, count) if count <= len(items) else random.choices(items, k=count)
        if "two_rates" not in traits or len({item.rate for item in chosen}) > 1:
            return [item._replace(description=_sized(item.description, random)) for item in chosen]


def _sized(description: str, random: Random) -> str:
    return description.format(a=random.choice((4, 5, 6, 8, 10, 12, 16, 18)), b=random.choice((20, 25, 30, 40, 60, 80, 115)))


def _lines(items: Sequence[TradeItem], place: Place, times: int, untaxed: bool, random: Random) -> tuple[Line, ...]:
    return tuple(_line(item, place, times, untaxed, random) for item in items)


def _line(item: TradeItem, place: Place, times: int, untaxed: bool, random: Random) -> Line:
    price = draw.price(item.price, place, random)
    dear = item.price * 12 > 500 and place.country not in ("IN", "TH") or item.price > 5000
    quantity = Decimal(random.choice((1, 1, 2, 3, 4, 6, 8)) if dear else random.choice((2, 4, 5, 8, 10, 12, 20, 25, 40, 50)))
    if item.unit in ("Std.", "h", "hrs", "ore", "kg", "किग्रा", "m", "ชั่วโมง") and random.random() < 0.4:
        quantity += Decimal("0.5")
    discount = Decimal(random.choice((0, 0, 0, 5, 10))) if item.price < 50 else Decimal(0)
    amount = draw.cents(times * quantity * price * (100 - discount) / 100)
    rate = None if untaxed else place.rates[item.rate]
    return Line(item.description, times * quantity, item.unit, price, amount, rate, draw.picture("##-####", random), discount)


def _bought(item: ShopItem, place: Place, shop: str, random: Random) -> Line:
    if shop == "fuel":
        price = (item.price * Decimal(random.randint(92, 112)) / 100).quantize(Decimal("0.001" if item.price < 9 else "0.01"))
        quantity = Decimal(random.randint(1200, 5200)) / 100
    else:
        price = draw.price(item.price, place, random)
        quantity = Decimal(random.choice((1, 1, 1, 2, 3)))
    amount = draw.to_step(quantity * price, place.step)
    return Line(item.description, quantity, "", price, amount, place.rates[item.rate])


def _taxed(lines: Sequence[Line], place: Place) -> Money:
    """Sums of lines before tax."""
    net = sum((line.amount for line in lines), Decimal(0))
    taxes: list[Tax] = []
    for rate in sorted({line.rate for line in lines if line.rate is not None}, reverse=True):
        base = sum((line.amount for line in lines if line.rate == rate), Decimal(0))
        parts = place.split or ("",)
        taxes += [Tax(rate / len(parts), base, draw.cents(base * rate / len(parts) / 100), part) for part in parts]
    return Money(net, tuple(taxes), net + sum((tax.amount for tax in taxes), Decimal(0)))


def _sold(lines: Sequence[Line], place: Place, shop: str) -> Money:
    """Sums of a shop's lines, whose prices hold the tax (or do not, where `net_prices`; fuel prices always do)."""
    total = sum((line.amount for line in lines), Decimal(0))
    shows_none = place.untaxed_receipts or "n" in {
        key for key, rate in place.rates.items() if rate in {line.rate for line in lines}
    }
    if shows_none or (place.net_prices and shop == "fuel"):
        return Money(total, (), total)
    if place.net_prices:
        return _taxed(lines, place)
    taxes: list[Tax] = []
    for rate in sorted({line.rate for line in lines if line.rate is not None}, reverse=True):
        gross = sum((line.amount for line in lines if line.rate == rate), Decimal(0))
        parts = place.split or ("",)
        amounts = [draw.cents(gross * rate / (100 + rate) / len(parts)) for _ in parts]
        taxes += [
            Tax(rate / len(parts), gross - sum(amounts), amount, part) for amount, part in zip(amounts, parts, strict=True)
        ]
    return Money(total - sum((tax.amount for tax in taxes), Decimal(0)), tuple(taxes), total)


def _note(total: Decimal) -> Decimal:
    """The round sum that is handed over for `total`."""
    steps = (5, 10, 20, 50, 100, 500, 1000, 2000, 5000)
    step = next((step for step in steps if step * 2 >= total), 10_000)
    return (total // step + 1) * Decimal(step).quantize(draw.CENT)
