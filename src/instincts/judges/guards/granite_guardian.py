"""Granite Guardian (3.0 to 3.3, 2B to 8B; arXiv:2412.07724): is the request harmful, Yes or No?

Format: the checkpoint's own chat template, which takes the risk as its argument `guardian_config`: `risk_name` to 3.2,
`criteria_id` from 3.3, `harm` in both. The reply is one word, since 3.2 with a line of confidence after it, since 3.3
between `<score>` tags. Read in public copies of the model cards; the template itself was not seen, so nothing of it is
looked for in the rendered prompt.

Asked about requests only. Left out: the other risks, one question each, and answers.
"""

import re
from collections.abc import Sequence

from instincts.errors import UnreadableReplyError
from instincts.judges.asking import Question, Reply
from instincts.judges.guards.reading import probability
from instincts.judges.ruling import Ruling
from instincts.prompts import Message

__all__ = ["read_request", "render_request"]


def render_request(request: str) -> list[Question]:
    """Write the one turn."""
    return [
        Question(
            messages=(Message("user", request),),
            max_tokens=32,
            template_settings={"guardian_config": {"risk_name": "harm", "criteria_id": "harm"}},
            log_probs=True,
        )
    ]


def read_request(request: str, replies: Sequence[Reply]) -> Ruling:
    """Read yes or no; the score is the probability of yes.

    Raises:
        UnreadableReplyError: anything else.
    """
    text = replies[0].text.strip().casefold()
    said = re.search(r"<score>\s*(yes|no)\s*</score>", text) or re.match(r"(yes|no)\b", text)
    if said is None:
        raise UnreadableReplyError(f"granite-guardian wrote neither yes nor no: {replies[0].text[:80]!r}")
    chance = probability(replies[0], "yes", "no", after="<score>" if "<score>" in text else "")
    return Ruling.of(said[1] == "yes", chance, f"harm: {said[1]}")
