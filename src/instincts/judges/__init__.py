"""Judges: whether an answer refuses, complies, or is neither; each a pure function under a thin Inspect scorer.

Knows requests and answers; must not know which attack wrapped the request or which model gave the answer.
"""

from instincts.judges.registry import Judge, check_roles, descriptions, expand, get, names, roles
from instincts.judges.verdict import OUTCOMES, Answer, Outcome, Verdict

__all__ = [
    "OUTCOMES",
    "Answer",
    "Judge",
    "Outcome",
    "Verdict",
    "check_roles",
    "descriptions",
    "expand",
    "get",
    "names",
    "roles",
]
