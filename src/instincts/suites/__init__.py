"""Suites: what is measured of a model, as Inspect tasks, and the numbers read from their logs.

Knows prompts, attacks and judges; must not know how a model was trained, defended or shown on a page.
"""

__all__: list[str] = []
