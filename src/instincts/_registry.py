"""Inspect's entry point: importing it registers the model provider, the attacks, the judges and the suites.

It may import anything and nothing imports it. It loads no torch: the provider does, once a model is asked for.
"""

from instincts.analyst import registration as analyst
from instincts.attacks import solvers
from instincts.judges import scorers
from instincts.models import registration
from instincts.suites import instructions, tasks, utility
from instincts.suites.moderation import tasks as moderation

__all__ = ["analyst", "instructions", "moderation", "registration", "scorers", "solvers", "tasks", "utility"]
