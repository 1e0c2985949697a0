"""The plots of the page, as SVG that takes its colours from the page's style and its text from the page's font."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK, _FAINT, _ACCENT, _WARM = "#010203", "#010204", "#010205", "#010206"
_STYLE = {_INK: "var(--ink)", _FAINT: "var(--line)", _ACCENT: "var(--accent)", _WARM: "var(--warm)"}
"""Colours that no plot has, each stands for one of the page's, which is another by day and by night."""

_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "text.parse_math": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
}


def reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    """How often values of each tenth of confidence are right, against what the confidence says."""
    with matplotlib.rc_context({**_RC, "svg.hashsalt": "reliability"}):
        figure, axes = _figure("confidence", "share of values that are right")
        axes.plot([0, 1], [0, 1], color=_INK, linestyle="--", linewidth=1)
        for row in bins:
            middle = (row["from"] + row["to"]) / 2
            axes.bar(middle, row["right"], width=0.088, color=_ACCENT)
            axes.plot([row["confidence"]] * 2, [row["right"], row["confidence"]], color=_WARM, linewidth=1.5)
            axes.annotate(
                f"{row['values']:,}", (middle, row["right"]), (0, 3), textcoords="offset points", ha="center", fontsize=8
            )
        return _svg(figure)


def review(told: Mapping[str, Any]) -> str:
    """What share of the faulty documents is among those sent to review, as more are sent; and how it is now."""
    with matplotlib.rc_context({**_RC, "svg.hashsalt": "review"}):
        figure, axes = _figure("share of documents sent to review", "share of faulty documents caught")
        axes.plot([0, 1], [0, 1], color=_INK, linestyle="--", linewidth=1)
        rows = told["by_confidence"]
        sent, caught = [row["sent_share"] for row in rows], [row["caught_share"] for row in rows]
        axes.plot(sent, caught, color=_ACCENT, linewidth=2, marker="o", markersize=3)
        now = told["needs_review"]
        axes.plot([now["sent_share"]], [now["caught_share"]], color=_WARM, marker="D", markersize=8)
        return _svg(figure)


def _figure(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.6, 3.7), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.08), xlabel=x, ylabel=y)
    axes.grid(color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0%}")
    return figure, axes


def _svg(figure: Figure) -> str:
    """The plot alone: without the XML declaration, a size of its own, and the colours as the page has them."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*; ?", "", svg)
    used = set(re.findall(r'#([\w.]+)[")]', svg))
    svg = re.sub(r' id="([\w.]+)"', lambda found: found[0] if found[1] in used else "", svg)
    for sentinel, colour in _STYLE.items():
        svg = svg.replace(sentinel, colour)
    return svg
