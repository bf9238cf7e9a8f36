"""What white-box attacks do with the model itself, in torch; loaded only when such an attack runs.

Knows prompts, tokens and gradients; must not know Inspect, budgets' owners or verdicts.
"""

__all__: list[str] = []
