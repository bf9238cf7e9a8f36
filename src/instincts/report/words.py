"""How a metric is called and how its value is written; knows the names of the field, not where numbers come from."""

from pathlib import PurePath
from typing import Any, Literal, NamedTuple

from instincts.records import Metric

__all__ = [
    "Term",
    "interval_of",
    "model_name",
    "points_text",
    "setting",
    "spread",
    "suite_text",
    "term",
    "value_of",
    "value_text",
]

Unit = Literal["%", "nats", "count", "mean", ""]


class Term(NamedTuple):
    """A metric as a reader meets it."""

    label: str
    unit: Unit
    gloss: str
    """What a higher value means, in a few words; empty for a metric this page does not know."""


def term(metric: str) -> Term:
    """Look up a metric; an unknown one keeps its own name, with a unit guessed from its ending."""
    metric, _, judge = metric.partition("@")
    if (whole := metric.removesuffix("_p").removesuffix("_change")) != metric and whole in TERMS:
        return _of_change(TERMS[whole], is_test=metric.endswith("_p"))
    if metric in TERMS:
        known = TERMS[metric]
        return known._replace(label=f"{known.label}, judged by {judge}") if judge else known
    unit: Unit = "%" if metric.endswith(RATE_ENDINGS) else "nats" if "entropy" in metric else ""
    return Term(metric.replace("_", " "), unit, "")


def value_text(metric: str, value: float | None, *, with_unit: bool = True) -> str:
    """Write a value in its metric's unit: rates in percent with one decimal, entropies with three."""
    unit = term(metric).unit
    if value is None:
        return NOT_JUDGED if unit == "%" else NOT_MEASURED
    if unit == "%":
        return f"{_rounded(100 * value, 1)}{THIN}%" if with_unit else _rounded(100 * value, 1)
    if unit == "count":
        return f"{value:.0f}"
    if unit == "mean":
        return (f"{value:,.0f}" if abs(value) >= MANY else f"{value:.3g}").replace("-", "\N{MINUS SIGN}")
    if unit == "nats":
        return f"{_rounded(value, 3)}{THIN}nats" if with_unit else _rounded(value, 3)
    return _rounded(value, 3) if abs(value) < 1000 else f"{value:.0f}"


def value_of(row: Metric) -> str:
    """Write the value of a row."""
    if row.value is None and row.metric in AGREEMENT and row.n:
        return NO_VARIATION
    return value_text(row.metric, row.value)


def points_text(change: float) -> str:
    """Write a difference of two rates in percentage points, with its sign."""
    text = _rounded(100 * change, 1)
    return text if text.startswith("\N{MINUS SIGN}") or float(text) == 0 else f"+{text}"


def interval_of(row: Metric) -> str:
    """Write the 95 % interval of a row without its unit; empty where there is none."""
    if row.ci_low is None or row.ci_high is None:
        return ""
    return f"{spread(row.metric, row.ci_low, row.ci_high)}"


def spread(metric: str, low: float, high: float) -> str:
    """Write two ends of an interval."""
    return f"{value_text(metric, low, with_unit=False)} to {value_text(metric, high, with_unit=False)}"


def suite_text(suite: str) -> str:
    """Write a suite's name; rows of a second judge carry it after an at sign."""
    name, _, judge = suite.partition("@")
    return f"{name}, judged by {judge}" if judge else name


def model_name(model: str) -> str:
    """Shorten a path to its last part; a hub id or a pocket name stays as it is, an analyst is named by its policy."""
    if model.startswith("analyst/") and model.count("/") > 1:
        policy, _, analyst = model.removeprefix("analyst/").partition("/")
        return f"{model_name(analyst)} under {policy}"
    return PurePath(model).name if model.startswith(("/", "./", "../", "~")) or model.count("/") > 1 else model


def setting(value: Any) -> str:
    """Write a setting's value the way the command line takes it."""
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}={setting(item)}" for key, item in value.items()) or "none"
    return str(value)


def _of_change(of: Term, *, is_test: bool) -> Term:
    if is_test:
        return Term(f"{of.label}, p against the first", "", "corrected by Holm; how likely chance alone is")
    return Term(f"{of.label} against the first", of.unit, "difference on the same requests")


def _rounded(value: float, digits: int) -> str:
    # Adding 0.0 turns a rounded -0.0 into 0.0; the true minus sign lines up with the digits.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


THIN = "\N{NARROW NO-BREAK SPACE}"
MANY = 100
NOT_JUDGED = "not judged"
NOT_MEASURED = "not measured"
NO_VARIATION = "no variation"
AGREEMENT = ("alpha", "kappa")
RATE_ENDINGS = ("_rate", "_share", "dsr", "asr", "_compliance", "_accuracy", "_refusal", "_reach")
TERMS = {
    "dsr": Term("Defence success rate", "%", "share of jailbreak answers that are refusals; higher is safer"),
    "worst_dsr": Term("Worst attack", "%", "defence success rate under the attack that works best"),
    "any_attack_dsr": Term("No attack broke it", "%", "share of requests that were refused under every attack"),
    "refusal_rate": Term("Refusals", "%", "share of answers that refuse"),
    "empty_rate": Term("Empty answers", "%", "share of answers that hold nothing at all"),
    "graded_score": Term("Graded score", "", "how far answers go along, 0 to 1, on average; lower is safer"),
    "asr": Term("Attack success rate", "%", "share of jailbreak answers that comply; lower is safer"),
    "neither_rate": Term("Neither", "%", "share of answers that neither refuse nor comply; they defend nothing"),
    "benign_compliance": Term("Benign compliance", "%", "share of harmless requests that are answered"),
    "over_refusal": Term("Over-refusal", "%", "share of harmless requests that are refused; lower is better"),
    "partial_refusal": Term("Partial refusal", "%", "share of answers that refuse and answer, or answer a part"),
    "full_refusal": Term("Full refusal", "%", "share of answers that refuse and nothing else"),
    "unsafe_compliance": Term(
        "Unsafe compliance", "%", "share of unsafe requests that are answered, in full or in part"
    ),
    "alpha": Term("Krippendorff's alpha", "", "how far the judges agree: 1 always, 0 as often as chance"),
    "kappa": Term("Cohen's kappa", "", "how far two judges agree: 1 always, 0 as often as chance"),
    "queries": Term("Queries", "mean", "questions to the model a request, the judged one included"),
    "tokens": Term("Tokens", "mean", "tokens in and out a request, of every model that took part"),
    "stopped_rate": Term("Stopped by the moderator", "%", "share of answers that are a moderator's refusal"),
    "no_tree": Term("Moderator without a tree", "count", "requests that got what the moderator does without a verdict"),
    "moderator_questions": Term("Moderator's questions", "mean", "questions to the moderator's analyst a request"),
    "moderator_tokens": Term("Moderator's tokens", "mean", "tokens in and out of the moderator's analyst a request"),
    "seconds": Term("Seconds", "mean", "time a request, as Inspect counts it"),
    "skill_accuracy": Term("Skills", "%", "share of exact answers to everyday tasks"),
    "mean_entropy": Term("Mean token entropy", "nats", "how unsure the model is of each next word, on average"),
    "entropy_gap": Term("Entropy gap", "nats", "mean entropy of compliances minus that of refusals"),
    "pooled_gap": Term("Entropy gap, all answers pooled", "nats", "the same without regard to prompts"),
    "cohens_d": Term("Cohen's d, all answers pooled", "", "the pooled gap in standard deviations"),
    "reach": Term("Reach", "%", "share of harmless prompts with an answer as sure as a refusal; lower is better"),
    "auroc": Term("Separation (AUROC)", "", "chance that a compliance is less sure than a refusal; 0.5 is none"),
    "unjudged": Term("Unjudged", "count", "answers no judge could read; they are in no rate"),
    "share_harmful": Term("Harmful share", "%", "share of requests that are labelled harmful"),
    "recall": Term("Recall", "%", "share of harmful requests that are flagged"),
    "fpr": Term("False-positive rate", "%", "share of benign requests that are flagged; lower is better"),
    "f1": Term("F1", "%", "of the flags; without benign requests, flagging everything has 100"),
    "mean_f1": Term("F1, mean over sets", "%", "every set counts alike; read it beside flag-everything"),
    "weighted_f1": Term("F1, mean weighted by rows", "%", "long sets count more; read it beside flag-everything"),
    "harm_auroc": Term("AUROC", "", "chance that a harmful request scores above a benign one; 0.5 is none"),
    "harm_auprc": Term("AUPRC", "", "precision over all recalls; without skill it is the harmful share"),
    "fpr_at_recall_90": Term(
        "False positives at recall 90", "%", "where the threshold finds 90 of 100 harmful requests"
    ),
    "fpr_at_recall_95": Term(
        "False positives at recall 95", "%", "where the threshold finds 95 of 100 harmful requests"
    ),
    "brier": Term("Brier score", "", "mean squared error of the probability; lower is better"),
    "calibration_error": Term("Calibration error", "", "how far probabilities are from shares; lower is better"),
    "no_verdict": Term("No verdict", "count", "requests the moderator failed on; each counts as wrong"),
    "admitted_share": Term("Prompts gated in", "%", "share of prompts that may be rewarded"),
    "contested_share": Term("Prompts of two minds", "%", "share of prompts with confident and with unsure answers"),
    "mode_gap": Term("Gap between the modes", "nats", "how far unsure answers lie above confident ones"),
    "mode_threshold": Term("Threshold", "nats", "mean entropy below which an answer counts as confident"),
}
