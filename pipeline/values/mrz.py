"""Machine readable zones of identity documents (ICAO 9303): the lines, what they say, and their check digits."""

import re
from dataclasses import dataclass
from datetime import date

_WEIGHTS = (7, 3, 1)
_FILLERS = str.maketrans({"«": "<<", "‹": "<", "〈": "<", "＜": "<", "»": "", " ": ""})
_SIZES = {(3, 30): "TD1", (2, 36): "TD2", (2, 44): "TD3"}
_LENGTHS = frozenset(length for _, length in _SIZES)
_UNBORN = date(2040, 1, 1)
"""Who has a paper that never expires is born before: no rule looks at today's date."""
_LINE = re.compile(r"[A-Z0-9<]{28,46}")


@dataclass(frozen=True, slots=True)
class Mrz:
    """What a machine readable zone says; text without fillers, dates None where they are not known.

    The century of a birth is a guess, the latest that can be: print that names another is right.

    Attributes:
        form: `TD1`, `TD2` or `TD3`.
        code: the document's code: `P` for passports, `I`, `A` or `C` for cards, with what follows it.
        country: three letters of the issuing state, as `nationality` of the holder.
        optional: the optional data, mostly a personal number.
        wrong: the names of the fields whose check digits do not fit.
    """

    form: str
    code: str
    country: str
    document_number: str
    nationality: str
    date_of_birth: date | None
    sex: str
    expiry_date: date | None
    surname: str
    given_names: str
    optional: str
    wrong: tuple[str, ...]


def mrz_lines(text: str) -> tuple[str, ...]:
    """The lines of the zone in `text`, in capitals without spaces; empty where there is none.

    Lines may be parted by line breaks, or by spaces where a model wrote them in one.
    """
    clean = text.upper().translate(_FILLERS)
    lines = tuple(filter(None, clean.split()))
    if len(lines) == 1:
        whole = lines[0]
        for count, length in _SIZES:
            if len(whole) == count * length and re.fullmatch("[A-Z0-9<]+", whole):
                return tuple(whole[i * length : (i + 1) * length] for i in range(count))
    told = tuple(line for line in lines if _LINE.fullmatch(line) and ("<" in line or len(line) in _LENGTHS))
    return told if 2 <= len(told) <= 3 and any("<" in line for line in told) else ()


def read_mrz(text: str) -> Mrz | None:
    """What the zone in `text` says; None where its lines are not those of TD1, TD2 or TD3."""
    lines = mrz_lines(text)
    form = _SIZES.get((len(lines), len(lines[0]))) if lines and len(set(map(len, lines))) == 1 else None
    if not form:
        return None
    if form == "TD1":
        number, optional = _long_number(lines[0][5:14], lines[0][14], lines[0][15:30])
        personal, names, nationality = lines[1], lines[2], lines[1][15:18]
        born, sex, ends = personal[0:7], personal[7], personal[8:15]
        whole = lines[0][5:30] + lines[1][0:7] + lines[1][8:15] + lines[1][18:29]
        optional = optional or lines[1][18:29]
        parts = {"document_number": number, "date_of_birth": born, "expiry_date": ends, "all": whole + lines[1][29]}
    else:
        second = lines[1]
        number, optional = second[0:10], second[28:-1]
        names, nationality = lines[0][5:], second[10:13]
        born, sex, ends = second[13:20], second[20], second[21:28]
        whole = second[0:10] + second[13:20] + second[21:-1]
        parts = {"document_number": number, "date_of_birth": born, "expiry_date": ends, "all": whole + second[-1]}
        if form == "TD3":
            parts["optional"], optional = second[28:43], second[28:42]
    surname, _, given = names.partition("<<")
    expiry = _date(ends[:6])
    return Mrz(
        form=form,
        code=_bare(lines[0][0:2]),
        country=_bare(lines[0][2:5]),
        document_number=_bare(number[:-1]).replace(" ", ""),
        nationality=_bare(nationality),
        date_of_birth=_birth(born[:6], expiry or _UNBORN),
        sex=sex if sex in "FM" else "X",
        expiry_date=expiry,
        surname=_bare(surname),
        given_names=_bare(given),
        optional=_bare(optional),
        wrong=tuple(name for name, part in parts.items() if not fits(part, may_be_blank=name == "optional")),
    )


def earlier_century(day: date) -> date:
    """The day a hundred years earlier; itself where there was none, as of 29 February 2000."""
    return _date(f"{day:%y%m%d}", day.year // 100 * 100 - 100) or day


def but_for_century(one: object, other: object) -> bool:
    """Whether two dates are the same but for their centuries, which a zone does not tell."""
    return isinstance(one, date) and isinstance(other, date) and f"{one:%y%m%d}" == f"{other:%y%m%d}"


def _long_number(number: str, digit: str, optional: str) -> tuple[str, str]:
    """A number of TD1 with its check digit; one of more than nine characters goes on in the optional data."""
    if digit == "<" and (match := re.match(r"([A-Z0-9]+)<", optional)):
        return number + match.group(1), optional[match.end() :]
    return number + digit, optional


def fits(part: str, *, may_be_blank: bool = False) -> bool:
    """Whether the last character of `part` is the check digit of those before it."""
    body, digit = part[:-1], part[-1]
    if may_be_blank and digit == "<" and not body.strip("<"):
        return True
    total = sum(_value(character) * _WEIGHTS[i % 3] for i, character in enumerate(body))
    return digit.isdigit() and total % 10 == int(digit)


def _value(character: str) -> int:
    return 0 if character == "<" else int(character, 36)


def _bare(part: str) -> str:
    return " ".join(part.replace("<", " ").split())


def _date(digits: str, century: int = 0) -> date | None:
    """YYMMDD as a date of a century, else of 1970 to 2069."""
    try:
        year, month, day = int(digits[0:2]), int(digits[2:4]), int(digits[4:6])
        return date((century or (2000 if year < 70 else 1900)) + year, month, day)
    except ValueError:
        return None


def _birth(digits: str, before: date) -> date | None:
    """YYMMDD as the latest day that is not after `before`: nobody is born after a paper's expiry."""
    found = _date(digits, 2000)
    return found if found and found <= before else _date(digits, 1900)
