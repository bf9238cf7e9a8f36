"""The page: one file with its style and its script, the taxonomy put in, and a policy that lets nothing else run."""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from instincts.analyst.taxonomy import EXTENTS, LIKELIHOODS, taxonomy

__all__ = ["Page", "page"]


class Page(NamedTuple):
    """What a browser gets."""

    html: str
    headers: dict[str, str]


@cache
def page() -> Page:
    """Read the page and put the words of trees into it."""
    html = files("instincts.analyst.service").joinpath("static", "page.html").read_text(encoding="utf-8")
    html = html.replace("WORDS_OF_TREES", _words())
    policy = (
        f"default-src 'none'; script-src {_hashes(html, 'script')}; style-src {_hashes(html, 'style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(
        html,
        {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
        },
    )


def _words() -> str:
    words = taxonomy()
    data = {
        "categories": [{"key": each.key, "name": each.name} for each in words.categories],
        "actions": [{"id": each.id, "category": each.category, "name": each.name} for each in words.actions],
        "effects": [{"letter": each.letter, "harm": each.harm, "benefit": each.benefit} for each in words.effects],
        "extents": EXTENTS,
        "likelihoods": LIKELIHOODS,
        "gains": {key: words.extents[key][0] for key in EXTENTS},
    }
    # A script element ends at the first `</`, whatever it holds.
    return json.dumps(data).replace("<", "\\u003c")


def _hashes(html: str, tag: str) -> str:
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in found]
    return " ".join(f"'sha256-{digest}'" for digest in digests)
