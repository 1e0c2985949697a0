"""How a place writes amounts, numbers, rates and dates; babel knows the customs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date

from sample_data.generator.places import Place

_DIGITS = "0123456789"


@dataclass(frozen=True)
class Hand:
    """One writer's habits.

    Attributes:
        place: whose customs.
        money: the pattern for an amount with its currency.
        dates: the CLDR date pattern.
        apostrophe: what parts thousands where the place uses an apostrophe.
        native: dates (or all numbers, as the place has it) are written in the digits of the script.
    """

    place: Place
    money: str
    dates: str
    apostrophe: str = "’"
    native: bool = False

    def number(self, value: Decimal, decimals: int | None = None) -> str:
        """`value` grouped as usual here, with so many decimals (None: as many as it needs)."""
        needed = -int(value.normalize().as_tuple().exponent) if decimals is None else decimals
        fraction = (max(needed, 0), max(needed, 0))
        pattern = Locale.parse(self.place.locale).decimal_formats[None]
        written: str = pattern.apply(value, self.place.locale, force_frac=fraction)
        written = written.replace("\u202f", "\u00a0").replace("’", self.apostrophe)
        return self._native(written) if self.place.native_in == "all" else written

    def amount(self, value: Decimal, *, signed: bool = False) -> str:
        """An amount, with its currency if `signed`; at least two decimals."""
        decimals = max(2, -int(value.as_tuple().exponent))
        if not signed:
            return self.number(value, decimals)
        written = self.money.format(n=self.number(abs(value), decimals))
        return f"-{written}" if value < 0 else written

    def rate(self, value: Decimal) -> str:
        """A tax rate or discount."""
        return self.place.rate.format(rate=self.number(value))

    def day(self, value: date) -> str:
        """A date, in the calendar of the place."""
        year = value.year + self.place.calendar
        pattern = (
            self.dates.replace("yyyy", f"'{year}'") if "yyyy" in self.dates else self.dates.replace("yy", f"'{year % 100:02}'")
        )
        written: str = format_date(value, pattern, locale=self.place.locale)
        return self._native(written)

    def _native(self, text: str) -> str:
        return text.translate(str.maketrans(_DIGITS, self.place.native_digits)) if self.native else text
