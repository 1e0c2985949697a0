"""Where a document comes from: the words, names, items, numbers and customs of a country, read from `data/`."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

LANGUAGES = ("en", "de", "fr", "it", "pt", "hi", "es", "th")


class TradeItem(NamedTuple):
    """Something a business bills: `price` is a usual one before tax, `rate` a key of the place's rates."""

    description: str
    unit: str
    price: Decimal
    rate: str


class ShopItem(NamedTuple):
    """Something a shop sells: `price` is a usual one as paid, `rate` a key of the place's rates."""

    description: str
    price: Decimal
    rate: str


class Bank(NamedTuple):
    """A bank whose accounts have IBANs: `bban` is a picture (see `draw.picture`) of what follows the check digits."""

    name: str
    bic: str
    country: str
    bban: str


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trade(_Told):
    """A line of business that writes invoices."""

    words: tuple[str, ...]
    items: tuple[TradeItem, ...]


class Shop(_Told):
    """A kind of shop that writes receipts."""

    words: tuple[str, ...]
    items: tuple[ShopItem, ...]


class TaxId(_Told):
    """How tax numbers look here: `pattern` is a picture, `check` the module of python-stdnum that knows its check digits."""

    label: tuple[str, ...]
    pattern: str
    check: str


class Place(_Told):
    """One country and the language its papers are written in.

    Attributes:
        labels: what is printed beside values, several ways to say it; `{…}` are filled in;
            `greeting` is for services, then for goods.
        money: ways to write an amount with its currency.
        dates: CLDR date patterns in use.
        rates: tax rates in percent; `s` standard, `r` reduced, `m` meals, `n` none.
        rate: how a rate is written.
        split: the names of the equal parts that a tax is shown in.
        notax: what a seller prints who is not registered for tax; empty where such a seller would still print a number.
        net_prices: shop prices are before tax.
        untaxed_receipts: receipts show no tax.
        calendar: years to add to those of ISO.
        native_digits: ten digits of the script, for papers that use them.
        native_in: what such papers write in them: `dates` or `all`.
        step: the smallest coin.
        scale: how much higher prices are than in the data.
    """

    country: str
    language: str
    prefix: str
    surnames: tuple[str, ...]
    given: tuple[str, ...]
    streets: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    trades: Mapping[str, Trade]
    shops: Mapping[str, Shop]
    locale: str
    currency: str
    money: tuple[str, ...]
    dates: tuple[str, ...]
    rates: Mapping[str, Decimal]
    rate: str
    address: tuple[str, ...]
    cities: tuple[tuple[str, str], ...]
    company: tuple[str, ...]
    tax_id: TaxId
    banks: tuple[Bank, ...] = ()
    accounts: tuple[str, ...] = ()
    registered: tuple[str, ...]
    phone: tuple[str, ...]
    domain: str
    paper: str = "a4"
    split: tuple[str, ...] = ()
    notax: str = ""
    invoice_number: str = ""
    net_prices: bool = False
    untaxed_receipts: bool = False
    calendar: int = 0
    native_digits: str = ""
    native_in: str = "dates"
    step: Decimal = Decimal("0.01")
    scale: Decimal = Decimal(1)


@cache
def places(language: str, *, held_out: bool = False) -> tuple[Place, ...]:
    """The places whose papers are written in `language`, in the order of its data file.

    With `held_out` they have the other words of the layouts that nothing was made to fit.
    """
    told = read_data(f"{language}.toml")
    if held_out:
        told = laid_over(told, read_data("held_out", f"{language}.toml"))
    countries = told.pop("countries")
    return tuple(Place.model_validate(laid_over(told, {**own, "country": country})) for country, own in countries.items())


def read_data(*path: str) -> dict[str, Any]:
    """A file of `data/`."""
    return tomllib.loads(resources.files("sample_data.generator").joinpath("data", *path).read_text(encoding="utf-8"))


def laid_over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what `own` says otherwise laid over it, table by table."""
    merged = dict(base)
    for key, value in own.items():
        merged[key] = laid_over(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
    return merged
