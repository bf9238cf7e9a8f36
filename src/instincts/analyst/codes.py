"""Leaves as numbers: a labelled leaf has one of 16,560 codes, so a policy is an array and a tree is a few codes.

    harm     (action·15 + effect)·24 + cell                cell = (extent·3 + likelihood)·2 + immediate
    benefit  16,200 + effect·24 + cell

with all labels counted from 0. Many trees are one array of codes with the place where each tree begins. Names of
stakeholders and sentences are not in it, and no score needs them. Knows no weight.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from instincts.analyst.taxonomy import ACTIONS, EFFECTS, EXTENTS, LIKELIHOODS, taxonomy
from instincts.analyst.tree import EffectLabel, Leaf, Tree

__all__ = ["BENEFIT_SLOT", "CODES", "SLOTS", "CodeParts", "Forest", "code_of", "code_parts"]

_CELLS = len(EXTENTS) * len(LIKELIHOODS) * 2
_HARM_CODES = ACTIONS * len(EFFECTS) * _CELLS
CODES = _HARM_CODES + len(EFFECTS) * _CELLS
"""How many codes there are: 16,560."""
SLOTS = 17
"""What a score adds up: the 16 categories of level 2, then benefits."""
BENEFIT_SLOT = 16


@dataclass(frozen=True)
class CodeParts:
    """What each code stands for, labels counted from 0; arrays of length 16,560."""

    action: NDArray[np.intp]
    """Level 3 of a harm; -1 for a benefit."""
    slot: NDArray[np.intp]
    """Level 2 of a harm; 16 for a benefit."""
    effect: NDArray[np.intp]
    extent: NDArray[np.intp]
    likelihood: NDArray[np.intp]
    immediate: NDArray[np.bool_]


@cache
def code_parts() -> CodeParts:
    """Take every code apart."""
    code = np.arange(CODES)
    is_harm = code < _HARM_CODES
    within = np.where(is_harm, code, code - _HARM_CODES)
    cell, above = within % _CELLS, within // _CELLS
    action = np.where(is_harm, above // len(EFFECTS), -1)
    category = np.array([each.category - 1 for each in taxonomy().actions])
    return CodeParts(
        action=action,
        slot=np.where(is_harm, category[action], BENEFIT_SLOT),
        effect=above % len(EFFECTS),
        extent=cell // (len(LIKELIHOODS) * 2),
        likelihood=cell // 2 % len(LIKELIHOODS),
        immediate=cell % 2 == 1,
    )


def code_of(leaf: Leaf) -> int:
    """Number a leaf."""
    cell = _cell(leaf.label)
    effect = EFFECTS.index(leaf.label.effect)
    if leaf.side == "benefit":
        return _HARM_CODES + effect * _CELLS + cell
    return ((leaf.number - 1) * len(EFFECTS) + effect) * _CELLS + cell


@dataclass(frozen=True)
class Forest:
    """Many trees as codes."""

    codes_N: NDArray[np.uint16]  # noqa: N815 - an axis letter
    """All leaves of all trees, tree after tree, sorted within a tree."""
    starts_P: NDArray[np.int64]  # noqa: N815 - an axis letter
    """Where each tree begins, and at the end the number of leaves: one more than there are trees."""
    truncated_P: NDArray[np.bool_]  # noqa: N815 - an axis letter
    """Which trees were cut off."""

    def __len__(self) -> int:
        return len(self.truncated_P)

    @classmethod
    def of(cls, trees: Iterable[Tree]) -> Self:
        """Number the leaves of trees."""
        rows, truncated = [], []
        for tree in trees:
            rows.append(sorted(code_of(leaf) for leaf in tree.leaves()))
            truncated.append(tree.truncated)
        sizes = np.array([len(row) for row in rows], dtype=np.int64)
        return cls(
            codes_N=np.array([code for row in rows for code in row], dtype=np.uint16),
            starts_P=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)]),
            truncated_P=np.array(truncated, dtype=np.bool_),
        )

    def sums(
        self, value_of_code: NDArray[np.float64], slot_of_code: NDArray[np.intp], slots: int
    ) -> NDArray[np.float64]:
        """Add up a value of each leaf by tree and slot.

        Args:
            value_of_code: of length 16,560.
            slot_of_code: of length 16,560; where the value is added.
            slots: how many slots there are.

        Returns:
            `sum_P_S`, float64. A tree without leaves has zeros.
        """
        sums = np.empty((len(self), slots))
        # Blocks that stay in the processor's cache: the whole index of 100,000 trees would be 100 MB.
        for first in range(0, len(self), _BLOCK):
            last = min(first + _BLOCK, len(self))
            starts = self.starts_P[first : last + 1]
            codes = self.codes_N[starts[0] : starts[-1]]
            tree = np.repeat(np.arange(last - first) * slots, np.diff(starts))
            cells = np.bincount(tree + slot_of_code[codes], value_of_code[codes], minlength=(last - first) * slots)
            sums[first:last] = cells.reshape(last - first, slots)
        return sums


def _cell(label: EffectLabel) -> int:
    return (EXTENTS.index(label.extent) * 3 + LIKELIHOODS.index(label.likelihood)) * 2 + int(label.immediate)


_BLOCK = 1024
"""Trees at once."""
