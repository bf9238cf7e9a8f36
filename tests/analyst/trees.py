"""Trees for tests: short ways to write one, and a strategy that draws any."""

from hypothesis import strategies as st

from instincts.analyst.lines import decode, read_leaf
from instincts.analyst.taxonomy import EFFECTS, EXTENTS, LIKELIHOODS
from instincts.analyst.tree import KINDS, Tree, clean

__all__ = ["any_tree", "tree"]


def tree(*lines: str, truncated: bool = False) -> Tree:
    """Write a tree: `32 K1L-` is a harm of an institution, `B J2H+ words` a benefit of the user.

    Args:
        lines: one action each.
        truncated: whether it was cut off.
    """
    harms = [line for line in lines if not line.startswith("B ")]
    benefits = [line.removeprefix("B ") for line in lines if line.startswith("B ")]
    text = ["H", *(["@institution office", *harms] if harms else ["none"])]
    text += ["B", *(["@user asker", *benefits] if benefits else ["none"])]
    return decode("\n".join([*text, *([] if truncated else ["END"])]))


_leaf = st.builds(
    lambda letter, extent, likelihood, sign: read_leaf(f"{letter}{extent}{likelihood}{sign}"),
    st.sampled_from(EFFECTS),
    st.integers(1, len(EXTENTS)),
    st.sampled_from([each[0].upper() for each in LIKELIHOODS]),
    st.sampled_from("+-"),
).map(lambda label: label.model_dump() if label else {})
_line = st.text(max_size=30).map(clean)
_effects = st.lists(_leaf, min_size=1, max_size=4)


def _branches(action: st.SearchStrategy[int] | st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, object]]]:
    actions = st.lists(st.fixed_dictionaries({"action": action, "effects": _effects}), min_size=1, max_size=3)
    branch = {"stakeholder": _line.filter(bool), "kind": st.sampled_from(KINDS), "actions": actions}
    return st.lists(st.fixed_dictionaries(branch), max_size=3)


any_tree: st.SearchStrategy[Tree] = st.builds(
    Tree.of,
    st.fixed_dictionaries(
        {
            "harms": _branches(st.integers(1, 45)),
            "benefits": _branches(st.one_of(_line, st.sampled_from(["", "A1H+ odd", "\\x", "none", "END", "@user x"]))),
            "truncated": st.booleans(),
        }
    ),
)
"""Any tree there can be, small."""
