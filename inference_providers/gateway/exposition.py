"""Numbers as Prometheus reads them: its text format, version 0.0.4. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def head(name: str, kind: str, what: str) -> Iterator[str]:
    """The lines that say what a metric is."""
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {kind}"


def labels_of(names: Sequence[str], values: Sequence[str]) -> str:
    r"""Labels between braces; backslashes, quotes and line feeds are escaped."""
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=True))


def sample(name: str, labels: str, value: float) -> str:
    """One line."""
    return f"{name}{{{labels}}} {number(value)}" if labels else f"{name} {number(value)}"


def histogram(name: str, labels: str, bounds: Sequence[float], counts: Iterable[float], total: float) -> Iterator[str]:
    """The lines of one histogram. *counts*: of each bucket alone, that above the last bound included."""
    before = f"{labels}," if labels else ""
    so_far = 0.0
    for bound, count in zip((*map(number, bounds), "+Inf"), counts, strict=True):
        so_far += count
        yield f'{name}_bucket{{{before}le="{bound}"}} {number(so_far)}'
    yield sample(f"{name}_sum", labels, total)
    yield sample(f"{name}_count", labels, so_far)


def number(value: float) -> str:
    """A number, without `.0` where it is whole."""
    return str(int(value)) if value == int(value) else repr(float(value))
