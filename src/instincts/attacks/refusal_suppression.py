"""Refusal suppression: rules of form that leave no words for a refusal (arXiv:2307.02483)."""

from instincts.attacks.wording import worded

__all__ = ["ATTACKS"]

ATTACKS = (worded("refusal-suppression", "forbids the words that refusals are made of", paper="2307.02483"),)
