"""Machine-readable zones as ICAO 9303 has them: three lines on a card (TD1), two on a passport (TD3)."""

from datetime import date

_WEIGHTS = (7, 3, 1)


def passport_zone(code: str, names: tuple[str, str], number: str, days: tuple[date, date], sex: str, personal: str = "") -> str:
    """The two lines of a passport.

    Args:
        code: of the country, also of the nationality.
        names: surname and given names in plain letters, `<` between parts.
        number: of the passport.
        days: of birth and of expiry.
        sex: F or M.
        personal: the holder's own number.
    """
    first = f"P<{code:<<3}{'<<'.join(names)}"
    own = _bare(personal).ljust(14, "<")
    parts = [_checked(_bare(number).ljust(9, "<")), _checked(_six(days[0])), _checked(_six(days[1]))]
    held = own + (check_digit(own) if personal else "<")
    whole = check_digit(parts[0] + parts[1] + parts[2] + held)
    return f"{first[:44]:<<44}\n{parts[0]}{code:<<3}{parts[1]}{sex}{parts[2]}{held}{whole}"


def card_zone(code: str, names: tuple[str, str], number: str, days: tuple[date, date], sex: str, personal: str = "") -> str:
    """The three lines of a card; arguments as of a passport."""
    bare, own = _bare(number), _bare(personal)
    if len(bare) > 9:
        # A number that is too long goes on behind a filler where its check digit would be.
        top = f"{bare[:9]}<{bare[9:]}{check_digit(bare)}{own}"[:25].ljust(25, "<")
    else:
        top = _checked(bare.ljust(9, "<")) + own[:15].ljust(15, "<")
    born, until = _checked(_six(days[0])), _checked(_six(days[1]))
    rest = "<" * 11
    whole = check_digit(top + born + until + rest)
    return f"I<{code:<<3}{top}\n{born}{sex}{until}{code:<<3}{rest}{whole}\n{'<<'.join(names)[:30]:<<30}"


def check_digit(text: str) -> str:
    """The check digit of digits, letters (A is 10) and fillers."""
    worth = (0 if c == "<" else int(c, 36) for c in text)
    return str(sum(value * _WEIGHTS[at % 3] for at, value in enumerate(worth)) % 10)


def _checked(text: str) -> str:
    return text + check_digit(text)


def _six(day: date) -> str:
    return f"{day:%y%m%d}"


def _bare(number: str) -> str:
    return "".join(c for c in number.upper() if c.isalnum())
