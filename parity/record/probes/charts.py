"""Charts that the program saves: what is on them, not how it looks.

Two pictures of the same lines may differ in every pixel, by the version of a font, and an empty picture is a valid one.
So the figure is read as it is saved: its axes in the order of their places, what is written at them, and every series.
"""

import os
from collections.abc import Iterator
from typing import Any, Final

from ...trace.digests import digest_bytes
from .calls import Family

CHANNELS: Final = ("chart", "chart_series")
SEAM: Final = "patch of matplotlib's Figure.savefig, which pyplot.savefig calls, once the program imports it"
BLIND: Final = "colours, sizes and limits; figures that another process, another thread or another library draws"
_SEPARATOR: Final = "::"
_MEMORY: Final = "(in memory)"
_BLANK: Final = "blank"
_MOST: Final = 200


def install(listener: Any) -> None:
    """Observe every figure that was saved."""
    family = Family(listener.patches)

    def saved(_: Any, figure: Any, *args: Any, **kwargs: Any) -> None:
        listener.emit("chart_saved", figure, args[0] if args else kwargs.get("fname"))

    def observe(figure: Any, target: Any) -> None:
        listener.site("chart")
        file = listener.places.path(target) if isinstance(target, (str, os.PathLike)) else _MEMORY
        axes = sorted(figure.axes, key=_place)[:_MOST]
        listener.observe("chart", _title(figure, len(axes)), file)
        for number, one in enumerate(axes):
            name = f"{file}{_SEPARATOR}{number}"
            listener.observe("chart", _inscription(one), name)
            for kind, content in _series(one):
                listener.observe("chart_series", content, f"{name} {kind}")
        if listener.stepped:
            listener.flush()

    listener.on("chart_saved", "charts", observe)
    listener.imports.after(
        "matplotlib.figure", "charts", lambda module: family.hear(module.Figure, "savefig", after=saved)
    )


def _place(axes: Any) -> tuple[float, float]:
    """Where axes stand: rows from the top, and from the left within them."""
    left, _, _, _ = axes.get_position(original=True).bounds
    top = axes.get_position(original=True).y1
    return -round(top, 3), round(left, 3)


def _title(figure: Any, axes: int) -> str:
    # get_suptitle is younger than most installations
    title = getattr(getattr(figure, "_suptitle", None), "get_text", str)()
    return f"{title!r}, {axes} axes" if axes else _BLANK


def _inscription(axes: Any) -> str:
    """Title, axes and legend, and how much of which kind is drawn."""
    legend = axes.get_legend()
    written = {
        "title": axes.get_title(),
        "x": f"{axes.get_xlabel()} ({axes.get_xscale()})",
        "y": f"{axes.get_ylabel()} ({axes.get_yscale()})",
        "legend": ", ".join(text.get_text() for text in legend.get_texts()) if legend is not None else "",
    }
    drawn = {kind: len(getattr(axes, kind)) for kind in ("lines", "collections", "patches", "images", "tables")}
    parts = [f"{key} {value!r}" for key, value in written.items() if value]
    return ", ".join(parts + [f"{count} {kind}" for kind, count in drawn.items() if count]) or _BLANK


def _series(axes: Any) -> Iterator[tuple[str, int]]:
    """What is drawn, as the program gave it, kind by kind."""
    for number, line in enumerate(axes.lines[:_MOST]):
        yield f"line {number}", _digest(line.get_xdata(orig=True), line.get_ydata(orig=True))
    for number, collection in enumerate(axes.collections[:_MOST]):
        yield f"collection {number}", _digest(collection.get_offsets(), collection.get_array())
    for number, patch in enumerate(axes.patches[:_MOST]):
        yield f"patch {number}", _digest(patch.get_path().vertices, patch.get_patch_transform().get_matrix())
    for number, image in enumerate(axes.images[:_MOST]):
        yield f"image {number}", _digest(image.get_array())
    for number, table in enumerate(axes.tables[:_MOST]):
        cells = sorted(table.get_celld().items())
        yield f"table {number}", digest_bytes(repr([(at, cell.get_text().get_text()) for at, cell in cells]).encode())


def _digest(*columns: Any) -> int:
    """Numbers by value, whatever they came in: a range, a list, a tensor, an array of any precision."""
    return digest_bytes(b"".join(_bytes(column) for column in columns))


def _bytes(column: Any) -> bytes:
    import numpy as np

    if column is None:
        return b""
    try:
        array = np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)
    except (TypeError, ValueError):
        return repr(list(column)).encode()
    return repr(array.shape).encode() + array.tobytes()
