"""The results as one JSON object, and as tables."""

from importlib.metadata import version
from typing import Any

from rich.table import Table

from benchmarks.nets.workloads import WORKLOADS
from game2048.benchmark import machine


def summarize(results: dict[str, dict[str, Any]], memory: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return all that was measured; ``ratios`` holds the seven workloads (those that ran) and nothing else."""
    main = {name: result for name, result in results.items() if not WORKLOADS[name].extra}
    extra = {name: result for name, result in results.items() if WORKLOADS[name].extra}
    return {
        "ratios": {name: round(result["ratio"], 3) for name, result in main.items()},
        "ratios_median": {name: round(result["ratio_median"], 3) for name, result in main.items()},
        "ratios_compiled": {name: _rounded(result["ratio_compiled"]) for name, result in main.items()},
        "ratios_extra": {name: round(result["ratio"], 3) for name, result in extra.items()},
        "best": {name: result["best"] for name, result in results.items()},
        "milliseconds": {
            name: {
                variant: {kind: round(value, 4) for kind, value in times.items()}
                for variant, times in result["milliseconds"].items()
            }
            for name, result in results.items()
        },
        "largest_difference": {name: float(f"{result['largest_difference']:.1e}") for name, result in results.items()},
        "peak_memory_mib": memory,
        **more,
        "versions": {name: version(name) for name in ("numpy", "numba", "torch")},
        "machine": machine(),
    }


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 3)


def tables(summary: dict[str, Any]) -> list[Table | str]:
    """Return the times and the memory as tables, with a line that says what the figures are."""
    speed = Table("one training step", title="milliseconds, one thread", title_justify="left")
    for column in ("nets", "PyTorch", "variant", "compiled", "ratio", "by medians", "to compiled"):
        speed.add_column(column, justify="left" if column == "variant" else "right")
    for name, times in summary["milliseconds"].items():
        best = summary["best"][name]
        compiled = times.get("compiled")
        ratios = [
            (summary[kind] | summary["ratios_extra"] if kind == "ratios" else summary[kind]).get(name)
            for kind in ("ratios", "ratios_median", "ratios_compiled")
        ]
        speed.add_row(
            f"{WORKLOADS[name].title}",
            _ms(times["nets"]["min"]),
            _ms(times[best]["min"]),
            best,
            "" if compiled is None else _ms(compiled["min"]),
            *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
        )
    shown: list[Table | str] = [speed]
    if summary["peak_memory_mib"]:
        shown.append(_memory_table(summary["peak_memory_mib"]))
    shown += [f"{name}: not compiled ({reason})" for name, reason in summary["not_compiled"].items()]
    versions = ", ".join(f"{name} {number}" for name, number in summary["versions"].items())
    shown.append(
        f"processor time, minimum of {summary['rounds']} rounds in turns, one core of {summary['machine']['cpu']}; "
        f"Python {summary['machine']['python']}, {versions}"
    )
    return shown


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.2f}"


def _memory_table(memory: dict[str, dict[str, dict[str, float]]]) -> Table:
    table = Table("resident memory, MiB", title="peak memory, a fresh process each", title_justify="left")
    for column in ("nets: imported", "peak", "rise", "PyTorch: imported", "peak", "rise"):
        table.add_column(column, justify="right")
    for name, sides in memory.items():
        cells = []
        for side in ("ours", "theirs"):
            before, highest = sides[side]["imported"], sides[side]["peak"]
            cells += [f"{before:.0f}", f"{highest:.0f}", f"{highest - before:.0f}"]
        table.add_row(WORKLOADS[name].title, *cells)
    return table
