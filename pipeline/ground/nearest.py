"""The cheapest of many places, where cost grows with the distance down the page: only near ones are looked at."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class DownThePage(Generic[T]):
    """Things of a page by their height on it."""

    def __init__(self, things: Iterable[tuple[float, T]]) -> None:
        """Sort `things`, each with the height of its middle; of equal cost the one that comes first here is the cheapest."""
        self._things: Sequence[tuple[float, int, T]] = sorted(
            ((middle, number, thing) for number, (middle, thing) in enumerate(things)), key=lambda one: one[:2]
        )

    def cheapest(self, middle: float, cost: Callable[[T], float], least: Callable[[float], float]) -> tuple[float, T] | None:
        """The cheapest thing and its cost; None where there is none.

        Args:
            middle: the height to start from; things are looked at upwards and downwards from it.
            cost: of a thing.
            least: what anything costs at least that lies so far from `middle`; never less farther off.
        """
        below = bisect_left(self._things, middle, key=lambda one: one[0])
        above = below - 1
        best: tuple[float, int, T] | None = None
        while above >= 0 or below < len(self._things):
            up = middle - self._things[above][0] if above >= 0 else float("inf")
            down = self._things[below][0] - middle if below < len(self._things) else float("inf")
            if best is not None and least(min(up, down)) > best[0]:
                break
            _, number, thing = self._things[above if up < down else below]
            above, below = (above - 1, below) if up < down else (above, below + 1)
            own = cost(thing)
            if best is None or (own, number) < best[:2]:
                best = own, number, thing
        return (best[0], best[2]) if best else None
