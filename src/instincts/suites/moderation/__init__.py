"""How well moderators tell harmful requests from benign ones: sets, task, rates, and the table that was published.

Knows how a moderator is asked by its name alone; must not know how `instincts serve` comes to its verdicts.
"""

__all__: list[str] = []
