"""List functions that yield one value of many (DMN 1.5, table 75); each takes a list, or its items one by one."""

from collections import Counter
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.function.comparison import compare
from judgify.decision.feel.function.signature import (
    BOOLEAN,
    LIST,
    NUMBER,
    POINT,
    Builtin,
    Domain,
    builtin,
    form,
    kind,
    needs,
)
from judgify.decision.feel.meter import spend
from judgify.decision.feel.number import CONTEXT, Number, is_number, quotient, tidy, times, total

_EXACT: Final = Context(prec=80, Emin=-20_000, Emax=20_000)


def _numbers(function: str, items: list[Any]) -> list[Number]:
    spend(len(items))
    for item in items:
        if not is_number(item):
            raise EvaluationError("not-numbers", value=item, function=function, found=kind(item))
    return items


def _extreme(sign: int) -> Callable[[list[Any]], Any]:
    def run(items: list[Any]) -> Any:
        spend(len(items))
        if not items:
            return None
        best = items[0]
        compare(best, best)  # a single item has to have an order, too
        for item in items[1:]:
            if compare(item, best) * sign > 0:
                best = item
        return best

    return run


def _sum(items: list[Any]) -> Number | None:
    numbers = _numbers("sum", items)
    if not numbers:
        return None
    result: Number = 0
    for number in numbers:
        result = total(result, number)
    return result


def _product(items: list[Any]) -> Number | None:
    numbers = _numbers("product", items)
    if not numbers:
        return None
    result: Number = 1
    for number in numbers:
        result = times(result, number)
    return result


def _mean(items: list[Any]) -> Number | None:
    result = _sum(_numbers("mean", items))
    return None if result is None else quotient(result, len(items))


def _median(items: list[Any]) -> Number | None:
    numbers = sorted(_numbers("median", items))
    if not numbers:
        return None
    middle = len(numbers) // 2
    if len(numbers) % 2:
        return numbers[middle]
    return quotient(total(numbers[middle - 1], numbers[middle]), 2)


def _stddev(items: list[Any]) -> Number | None:
    numbers = _numbers("stddev", items)
    if len(numbers) < 2:
        return None
    # Sums of squares lose all digits when the numbers lie close together; twice the digits keep 34 of them.
    mean = _EXACT.divide(_total_of(numbers), Decimal(len(numbers)))
    squares = [_EXACT.power(_EXACT.subtract(Decimal(number), mean), 2) for number in numbers]
    variance = _EXACT.divide(_total_of(squares), Decimal(len(numbers) - 1))
    return tidy(CONTEXT.plus(_EXACT.sqrt(variance)))


def _total_of(numbers: list[Any]) -> Decimal:
    result = Decimal(0)
    for number in numbers:
        result = _EXACT.add(result, Decimal(number))
    return result


def _mode(items: list[Any]) -> list[Number]:
    counts = Counter(_numbers("mode", items))
    most = max(counts.values(), default=0)
    return sorted(number for number, count in counts.items() if count == most)


def _logical(function: str, decisive: bool) -> Callable[[list[Any]], bool | None]:  # noqa: FBT001 - private
    def run(items: list[Any]) -> bool | None:
        spend(len(items))
        for item in items:
            if item is not None and not isinstance(item, bool):
                raise EvaluationError("not-booleans", value=item, function=function, found=kind(item))
        if decisive in items:
            return decisive
        return None if None in items else not decisive

    return run


def _of_many(name: str, item: str, domain: Domain, run: Callable[[list[Any]], Any]) -> Builtin:
    each = needs(item, domain, nullable=domain is BOOLEAN)
    return builtin(
        name,
        form(run, needs("list", LIST)),
        form(lambda first, second, *rest: run([first, second, *rest]), each, each, variadic=True),
    )


_AND: Final = _logical("all", decisive=False)
_OR: Final = _logical("any", decisive=True)

FUNCTIONS: Final = (
    _of_many("min", "c", POINT, _extreme(-1)),
    _of_many("max", "c", POINT, _extreme(1)),
    _of_many("sum", "n", NUMBER, _sum),
    _of_many("product", "n", NUMBER, _product),
    _of_many("mean", "n", NUMBER, _mean),
    _of_many("median", "n", NUMBER, _median),
    _of_many("stddev", "n", NUMBER, _stddev),
    _of_many("mode", "n", NUMBER, _mode),
    _of_many("all", "b", BOOLEAN, _AND),
    _of_many("any", "b", BOOLEAN, _OR),
    _of_many("and", "b", BOOLEAN, _AND),
    _of_many("or", "b", BOOLEAN, _OR),
)
"""The functions of this module; `and` and `or` are the names that DMN 1.1 gave to `all` and `any`."""
