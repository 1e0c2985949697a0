"""The equations of a schema over typed values: what holds, what fails, and what cannot be judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import singledispatch

from pipeline.records import Typed
from schemas.base import Order, Product, Rule, Running, Signed, Sum

SUM_TOLERANCE = Decimal("0.02")
"""Printed sums may be off by a rounding of their parts, or by cash rounded to five cents."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says: `passed` is None where a term is missing; `message` and `rows` name what and where it fails."""

    passed: bool | None
    message: str = ""
    rows: tuple[int, ...] = ()


def sum_holds(total: Decimal, parts: Iterable[Decimal]) -> bool:
    """Whether `total` is the sum of `parts`, but for rounding."""
    return abs(total - sum(parts, Decimal())) <= SUM_TOLERANCE


def product_holds(result: Decimal, one: Decimal, other: Decimal) -> bool:
    """Whether `result` is the product of the factors, rounded or cut to the decimals that `result` is printed with."""
    return abs(result - one * other) < _unit(result)


def line_holds(amount: Decimal, quantity: Decimal, price: Decimal) -> bool:
    """Whether a line comes to its quantity times its price, which may be rounded itself for print (3 × 3.33 is 10.00)."""
    rounded = abs(quantity) * _unit(price) / 2 if _unit(price) < 1 else Decimal()
    return product_holds(amount, quantity, price) or abs(amount - quantity * price) <= _unit(amount) / 2 + rounded


def _unit(number: Decimal) -> Decimal:
    """One in the last decimal that a number is printed with."""
    exponent = number.as_tuple().exponent
    return Decimal(1).scaleb(min(exponent, 0)) if isinstance(exponent, int) else Decimal(0)


def describe(rule: Rule) -> str:
    """The rule in one line, as in `total = net_total + tax_total`."""
    if isinstance(rule, Sum):
        return f"{rule.total} = {' + '.join(rule.parts)}{''.join(f' − {part}' for part in rule.less)}"
    if isinstance(rule, Product):
        return f"{rule.table}[].{rule.result} = {' × '.join(rule.factors)}"
    if isinstance(rule, Signed):
        return f"{rule.table}[].{rule.result} = {rule.plus} or −{rule.minus}"
    if isinstance(rule, Running):
        return f"{rule.table}[].{rule.balance} = {rule.balance} above + {rule.amount}"
    return f"{rule.earlier} ≤ {rule.later}"


@singledispatch
def judge(rule: Rule, values: Mapping[str, Typed]) -> Verdict:
    """What `rule` says of a document.

    Args:
        rule: one of a schema's rules.
        values: path (`total`, `line_items[0].amount`) → typed value.
    """
    if isinstance(rule, Signed):
        return Verdict(None)  # carried out, never judged
    raise TypeError(f"there is no rule of the sort {type(rule).__name__}")


@judge.register
def _sum(rule: Sum, values: Mapping[str, Typed]) -> Verdict:
    total = values.get(rule.total)
    terms: list[Decimal] = []
    taken = Decimal()
    for part in (*rule.parts, *rule.less):
        found = _column(part, values) if "[]" in part else [values.get(part)]
        if found in ([], [None]) and part in rule.optional:
            continue
        amounts = [term for term in found if isinstance(term, Decimal)]
        if not found or len(amounts) < len(found):
            return Verdict(None)
        if part in rule.less:
            taken += sum(map(abs, amounts), Decimal())
        else:
            terms += amounts
    if not isinstance(total, Decimal):
        return Verdict(None)
    # What is taken off a credit brings it nearer to nothing as well.
    terms.append(-taken if sum(terms, Decimal()) >= 0 else taken)
    others = [other for name in rule.instead if isinstance(other := values.get(name), Decimal)]
    if any(sum_holds(one, terms) for one in (total, *others)):
        return Verdict(True)
    return Verdict(False, f"{rule.total} is {total}, the parts add up to {sum(terms, Decimal())}")


@judge.register
def _product(rule: Product, values: Mapping[str, Typed]) -> Verdict:
    wrong, judged = {}, False
    for row in rows(values, rule.table):
        result, one, other = (values.get(f"{rule.table}[{row}].{name}") for name in (rule.result, *rule.factors))
        if isinstance(result, Decimal) and isinstance(one, Decimal) and isinstance(other, Decimal):
            judged = True
            percent = values.get(f"{rule.table}[{row}].{rule.discount}")
            off = (one * (100 - percent) / 100,) if rule.discount and isinstance(percent, Decimal) else ()
            if not any(line_holds(result, factor, other) for factor in (one, *off)):
                wrong[row] = f"row {row + 1}: {one} × {other} is not {result}"
    return Verdict(not wrong, "; ".join(wrong.values()), tuple(wrong)) if judged else Verdict(None)


@judge.register
def _running(rule: Running, values: Mapping[str, Typed]) -> Verdict:
    order = rows(values, rule.table)
    down = _follow(rule, values, order)
    if down.passed is False and _follow(rule, values, order[::-1]).passed:
        return Verdict(True)  # the latest entry is printed first
    return down


def _follow(rule: Running, values: Mapping[str, Typed], order: Iterable[int]) -> Verdict:
    """What `rule` says of rows in some order."""
    before = values.get(rule.start)
    wrong, judged = {}, False
    moved: Decimal | None = Decimal()
    for row in order:
        amount, after = (values.get(f"{rule.table}[{row}].{name}") for name in (rule.amount, rule.balance))
        moved = moved + amount if moved is not None and isinstance(amount, Decimal) else None
        if not isinstance(after, Decimal):
            continue
        if isinstance(before, Decimal) and moved is not None:
            judged = True
            if not sum_holds(after, (before, moved)):
                wrong[row] = f"row {row + 1}: {before} {'-' if moved < 0 else '+'} {abs(moved)} is not {after}"
        before, moved = after, Decimal()
    return Verdict(not wrong, "; ".join(wrong.values()), tuple(wrong)) if judged else Verdict(None)


@judge.register
def _order(rule: Order, values: Mapping[str, Typed]) -> Verdict:
    earlier, later = values.get(rule.earlier), values.get(rule.later)
    if not isinstance(earlier, date) or not isinstance(later, date):
        return Verdict(None)
    return Verdict(True) if earlier <= later else Verdict(False, f"{rule.earlier} {earlier} is after {rule.later} {later}")


def rows(values: Iterable[str], table: str) -> list[int]:
    """The numbers of the rows of `table` that `values` (paths) speak of, in order."""
    return sorted({int(path[len(table) + 1 : path.index("]")]) for path in values if path.startswith(f"{table}[")})


def _column(part: str, values: Mapping[str, Typed]) -> list[Typed]:
    table, _, column = part.partition("[].")
    return [values.get(f"{table}[{row}].{column}") for row in rows(values, table)]
