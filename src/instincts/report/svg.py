"""A Matplotlib canvas whose output can stand inside a page: no pixel colours, no ids that clash, no outside reference.

Colours are drawn as placeholders and become CSS variables, so one drawing serves light and dark. Text stays text, so
the page's fonts, search and zoom work on it. Knows nothing of what is drawn.
"""

import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ARM_INKS", "FONT_SIZE", "INKS", "MARKERS", "canvas", "clean_axes", "render"]

INKS = {
    # Placeholder colours, all different and none a colour anyone would choose; page.css gives each its two real ones.
    "ink": "#010203",
    "soft": "#020304",
    "line": "#030405",
    "paper": "#040506",
    "before": "#050607",
    "after": "#060708",
    "refusal": "#070809",
    "compliance": "#08090a",
    "third": "#090a0b",
    "fourth": "#0a0b0c",
}
ARM_INKS = ("before", "after", "third", "fourth", "refusal", "compliance")
MARKERS = {"before": "o", "after": "o", "third": "s", "fourth": "D", "refusal": "o", "compliance": "^", "ink": "o"}


def canvas(width: float, height: float) -> "Figure":
    """Make an empty figure; one unit is one CSS pixel at the figure's natural size."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), facecolor="none")


def clean_axes(axes: Any, *, grid: str | None = "y") -> None:
    """Leave of the axes only what is read: a soft grid, the labels, no box, no ticks."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_facecolor("none")
    axes.tick_params(length=0, labelsize=FONT_SIZE, labelcolor=INKS["soft"], pad=5)
    axes.set_axisbelow(True)
    if grid is not None:
        axes.grid(visible=True, axis=grid, color=INKS["line"], linewidth=1)


def render(figure: "Figure", *, name: str, label: str) -> str:
    """Write a figure as one `<svg>` element, the same characters every time.

    Args:
        figure: drawn in colours of `INKS` only.
        name: unique on the page; becomes part of every id inside.
        label: what a reader who cannot see the figure is told.
    """
    from io import StringIO

    import matplotlib as mpl
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        # A dollar sign in the name of an attack is no formula.
        text.set_parse_math(False)
    buffer = StringIO()
    settings: Any = {"svg.hashsalt": name, "svg.fonttype": "none", "font.size": FONT_SIZE, "font.family": "DejaVu Sans"}
    with mpl.rc_context(settings):
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return _for_page(buffer.getvalue(), name=name, label=label)


def _for_page(text: str, *, name: str, label: str) -> str:
    view = re.search(r'viewBox="([^"]+)"', text)
    assert view is not None, "Matplotlib always writes a viewBox"
    body = text[text.index(">", view.end()) + 1 : text.rindex("</svg>")]
    for pattern, replacement in CLEANING:
        body = re.sub(pattern, replacement, body, flags=re.DOTALL)
    # Coordinates to a hundredth of a pixel, inside tags only: the text of a label keeps all its digits.
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), body)
    for ink, placeholder in INKS.items():
        body = body.replace(placeholder, f"var(--{ink})")
    body = re.sub(r"<g/>\s*", "", _with_own_ids(body, name))
    width = float(view[1].split()[2])
    return (
        f'<svg role="img" aria-label={quoteattr(label)} viewBox="{view[1]}" style="max-width:{width:.0f}px">'
        f"\n{body.strip()}\n</svg>"
    )


def _with_own_ids(body: str, name: str) -> str:
    """Keep the ids that something refers to, under the figure's name; two figures on a page must not share one."""
    used = set(re.findall(r"#([\w-]+)[\")]", body))
    body = re.sub(r' id="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", body)
    return re.sub(r"#([\w-]+)([\")])", rf"#{name}-\1\2", body)


UNITS_PER_INCH = 72
FONT_SIZE = 12.0
CLEANING = (
    (r"<metadata>.*?</metadata>|<!--.*?-->", ""),
    # A style element inside an SVG would style the whole page; page.css has its one rule.
    (r"<defs>\s*<style.*?</style>\s*</defs>", ""),
    (r"xlink:href=", "href="),
    # The family is left to the page; Matplotlib only needed one to measure with.
    (r" font-family: [^;\"]*;", ""),
    (r' transform="rotate\(-0 [^"]*\)"', ""),
    (r"(?<=\n)\s+|\s+(?=\n)", ""),
)
