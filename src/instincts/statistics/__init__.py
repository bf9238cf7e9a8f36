"""Rates, means and agreement with intervals, and before/after comparisons; NumPy in and out.

Knows nothing of suites, attacks or judges: numbers come in with, at most, the name of the prompt each belongs to.
"""

from instincts.statistics.agreement import alpha_interval, cohen_kappa, kappa_interval, krippendorff_alpha
from instincts.statistics.calibration import Confusion, confusion, corrected_interval, corrected_rate
from instincts.statistics.flags import Flags, calibration_error, f1, f1_change, f1_interval, recall_of_f1
from instincts.statistics.intervals import Interval, mean_interval, wilson
from instincts.statistics.paired import DrawnChange, PairedChange, drawn_change, paired_bootstrap, paired_change
from instincts.statistics.rates import macro_rate, rate
from instincts.statistics.resampling import Bootstrap
from instincts.statistics.significance import SignTest, holm, mcnemar, sign_test
from instincts.statistics.worst import Worst, all_hold_rate, worst_of_many

__all__ = [
    "Bootstrap",
    "Confusion",
    "DrawnChange",
    "Flags",
    "Interval",
    "PairedChange",
    "SignTest",
    "Worst",
    "all_hold_rate",
    "alpha_interval",
    "calibration_error",
    "cohen_kappa",
    "confusion",
    "corrected_interval",
    "corrected_rate",
    "drawn_change",
    "f1",
    "f1_change",
    "f1_interval",
    "holm",
    "kappa_interval",
    "krippendorff_alpha",
    "macro_rate",
    "mcnemar",
    "mean_interval",
    "paired_bootstrap",
    "paired_change",
    "rate",
    "recall_of_f1",
    "sign_test",
    "wilson",
    "worst_of_many",
]
