"""The results of a comparison: a table of ratios to the first contender, and plots as text and as PNG."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from matplotlib.figure import Figure

from bench.machine import describe

BAR_WIDTH = 50
RESULTS = Path(os.environ.get("BENCH_RESULTS", "bench-results"))


@dataclass
class Column:
    """A case, with its figures for each contender, one for each round."""

    case: str
    title: str
    figures: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self, name: str, base: str) -> list[float]:
        """Return the ratios to another contender, round by round."""
        return [own / other for own, other in zip(self.figures[name], self.figures[base], strict=True)]


@dataclass
class Table:
    """The contenders, the first of which is the measure of the others, and the columns."""

    names: Sequence[str]
    columns: list[Column]

    def add(self, case: str, figures: Mapping[str, float]) -> None:
        """Add the figures of a round."""
        column = next(column for column in self.columns if column.case == case)
        for name, figure in figures.items():
            column.figures.setdefault(name, []).append(figure)

    def ratios(self, column: Column, name: str) -> list[float]:
        """Return the ratios to the first contender, round by round."""
        return column.ratios(name, self.names[0])

    def text(self) -> str:
        """Return the medians of the ratios, with the quartiles, and microseconds for the first contender."""
        first = self.names[0]
        titles = ["", *(column.title for column in self.columns)]
        ratios = [[name, *(_ratio(self.ratios(column, name)) for column in self.columns)] for name in self.names]
        micros = [f"1 is, for {first}", *(f"{1e6 * median(column.figures[first]):.0f} µs" for column in self.columns)]
        lines = [titles, *ratios, micros]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        return "\n".join(_line(cells, widths) for cells in lines)

    def plot(self, column: Column) -> str:
        """Return a bar for each contender, as text."""
        ratios = {name: median(self.ratios(column, name)) for name in self.names}
        scale = BAR_WIDTH / max(ratios.values())
        width = max(map(len, self.names))
        bars = (f"{name:{width}} {'█' * max(1, round(scale * ratio))} {ratio:.2f}" for name, ratio in ratios.items())
        return "\n".join([column.title, *bars])


def print_results(table: Table) -> None:
    """Print the machine, the table and the plots, and write them and the PNG into RESULTS."""
    plots = "\n\n".join(map(table.plot, table.columns))
    text = f"{describe()}\n\n{table.text()}\n\n{plots}\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "guard.txt").write_text(text)
    _draw(table, RESULTS / "guard.png")
    print(f"written to {RESULTS}/guard.txt and {RESULTS}/guard.png")


def _ratio(ratios: Sequence[float]) -> str:
    if len(ratios) == 1:
        return f"{ratios[0]:.2f}"
    low, _, high = quantiles(ratios, n=4)
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f})"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join([first, *others]).rstrip()


def _draw(table: Table, path: Path) -> None:
    """Draw horizontal bars on a logarithmic scale: the slowest contender takes 40 times as long as the fastest."""
    figure = Figure(figsize=(13, 7), layout="constrained")
    axes = figure.subplots(2, (len(table.columns) + 1) // 2, sharey=True)
    names = [*reversed(table.names)]
    for axis, column in zip(axes.flat, table.columns, strict=False):
        ratios = [median(table.ratios(column, name)) for name in names]
        colors = ["tab:orange" if name.startswith("latchkey") else "tab:blue" for name in names]
        bars = axis.barh(names, ratios, color=colors)
        axis.bar_label(bars, labels=[f"{ratio:.2f}" for ratio in ratios], padding=3)
        axis.set(title=column.title, xscale="log", xlim=(0.8, 3 * max(ratios)))
    figure.suptitle("CPU time of a guarded request; a plain Flask route is 1")
    figure.savefig(path, dpi=100)
