"""Rates and means with intervals, and before/after comparisons; NumPy in and out.

Knows nothing of suites, attacks or judges: numbers come in with, at most, the name of the prompt each belongs to.
"""

from instincts.statistics.intervals import Interval, mean_interval, wilson
from instincts.statistics.paired import SignTest, paired_bootstrap, sign_test

__all__ = ["Interval", "SignTest", "mean_interval", "paired_bootstrap", "sign_test", "wilson"]
