"""Safety Arithmetic (arXiv:2406.11801): safety from weights and activations the model already has, without training.

Harm Direction Removal subtracts a harm direction from the weights; a safety vector turns activations towards safety.
Knows checkpoints, hidden states and contrast pairs. Must not know which attack or suite measures what it makes. Import
the module you need; this package itself loads nothing heavy.
"""
