"""SIRL (Safety Instincts, arXiv:2510.01088): train a model with its own confidence, without labels.

The room reads in the order settings, gate, rewards, preflight, stopping, canaries, trainer, training; `best_of_n` is
the same signal used without training. It knows prompts and models; it must not know attacks or suites: what a training
achieved is measured elsewhere.
"""
