"""SafetyAnalyst: a model grows a harm-benefit tree, a policy of a few dozen numbers turns it into a verdict.

    tree.py, taxonomy.py      what a tree is, and its words
    lines.py, codes.py        a tree as a few lines, and as an array of numbers
    policy.py, scoring.py     what a community accepts, and the arithmetic
    explaining.py             which branch gave how much, which weight would change the verdict
    comparing.py              two policies on the same trees
    rows.py                   trees on the disk

The only step that asks a model is growing a tree; whoever changes a policy re-scores every stored tree without one.
"""

from instincts.analyst.codes import Forest
from instincts.analyst.comparing import Comparison, compare
from instincts.analyst.explaining import Explanation, explain
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.policy_files import parse_policy, read_policy
from instincts.analyst.rows import Analysis, read_analyses
from instincts.analyst.scoring import Scores, score
from instincts.analyst.tree import Tree

__all__ = [
    "Analysis",
    "Comparison",
    "Explanation",
    "Forest",
    "Policy",
    "Scores",
    "Tree",
    "Verdict",
    "compare",
    "explain",
    "parse_policy",
    "read_analyses",
    "read_policy",
    "score",
]
