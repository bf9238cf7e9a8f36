"""Attacks: ways to put a request so that an aligned model gives way; each a pure function under a thin Inspect solver.

Knows conversations; must not know how answers are judged or what is reported of them.
"""

from instincts.attacks.attack import Access, Attack, Goal
from instincts.attacks.registry import expand, get, names

__all__ = ["Access", "Attack", "Goal", "expand", "get", "names"]
