import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from instincts.arithmetic.vector import Built, StepScale, Variant, build, principal_direction
from instincts.errors import ConfigError
from instincts.models.hooks import Site


def states(*rows: list[float], layers: int = 1) -> Tensor:
    """`hidden_N_L_D` of rows that hold the layers one after the other."""
    return torch.tensor(rows).reshape(len(rows), layers, -1)


def random_sides(pairs: int = 12, layers: int = 3, width: int = 7) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(pairs, layers, width) + 0.5, torch.randn(pairs, layers, width)


def made(
    safe: Tensor, unsafe: Tensor, variant: Variant, scale: StepScale = StepScale.UNIT, layers: list[int] | None = None
) -> Built:
    site: Site = "mlp" if variant == Variant.REFERENCE else "block"
    chosen = list(range(safe.shape[1])) if layers is None else layers
    return build(safe, unsafe, variant, layers=chosen, site=site, scale=scale)


def whole(built: Built) -> Tensor:
    return torch.cat(list(built.vectors.directions.values()))


def test_the_paper_takes_the_direction_of_most_squared_difference_without_centring() -> None:
    """Differences (3, 0), (3, 0) and (3, 1): centred they spread along (0, 1) alone, uncentred mostly along (1, 0).

    D^T D = [[27, 3], [3, 1]], whose largest eigenvalue is 14 + sqrt(178) = 27.342; c is along (27.342 - 1, 3).
    """
    safe = states([3.0, 0.0], [3.0, 0.0], [3.0, 1.0])
    built = made(safe, torch.zeros_like(safe), Variant.PAPER)
    c = torch.tensor([26.342, 3.0]) / (26.342**2 + 9) ** 0.5
    torch.testing.assert_close(whole(built), c, atol=1e-4, rtol=0)
    assert built.explained == pytest.approx(27.342 / 28, abs=1e-4)


def test_the_paper_variant_is_numpys_top_right_singular_vector_towards_the_mean() -> None:
    safe, unsafe = random_sides()
    difference = (safe - unsafe).flatten(1).double().numpy()
    right = np.linalg.svd(difference)[2][0]
    right *= np.sign(difference.mean(axis=0) @ right)
    np.testing.assert_allclose(whole(made(safe, unsafe, Variant.PAPER)).numpy(), right, atol=1e-6)


def test_the_reference_variant_is_sklearns_component_plus_the_mean_turned_towards_safety() -> None:
    """Its v = p1 + mean of (unsafe - safe), p1 signed by its largest score; stored as -v, each layer of length 1."""
    safe, unsafe = random_sides()
    harm = (unsafe - safe).flatten(1).double().numpy()
    pca = PCA(n_components=1).fit(harm)
    score = pca.transform(harm)[:, 0]
    component = pca.components_[0] * np.sign(score[np.abs(score).argmax()])
    expected = -(component + harm.mean(axis=0)).reshape(3, 7)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    built = made(safe, unsafe, Variant.REFERENCE, StepScale.RELATIVE)
    for layer, direction in built.vectors.directions.items():
        np.testing.assert_allclose(direction.numpy(), expected[layer], atol=1e-6)


def test_the_reference_variant_of_equal_differences_is_their_mean() -> None:
    """Centred they vanish, so there is no component to add; (3, 4) has length 5."""
    safe = states([3.0, 4.0], [3.0, 4.0])
    assert whole(made(safe, torch.zeros_like(safe), Variant.REFERENCE, StepScale.RELATIVE)).tolist() == pytest.approx(
        [0.6, 0.8]
    )


def test_the_difference_variant_is_the_difference_in_means() -> None:
    """Means (2, 4) and (1, 1): difference (1, 3)."""
    built = made(states([1.0, 3.0], [3.0, 5.0]), states([0.0, 2.0], [2.0, 0.0]), Variant.DIFFERENCE, StepScale.MEAN)
    assert whole(built).tolist() == pytest.approx([1.0, 3.0])


@pytest.mark.parametrize("variant", list(Variant))
def test_every_direction_points_from_unsafe_to_safe(variant: Variant) -> None:
    """Swapping the sides turns the vector round, up to the unit component whose sign the reference takes elsewhere."""
    safe, unsafe = random_sides()
    mean = (safe - unsafe).mean(dim=0).flatten()
    assert whole(made(safe, unsafe, variant)) @ mean > 0
    assert whole(made(unsafe, safe, variant)) @ mean < 0


def test_labels_decide_the_sign_of_the_paper_s_direction_and_nothing_else() -> None:
    """(c . D_i)^2 knows no sign, so exchanging the sides of any rows leaves c or turns it round; its length shrinks."""
    safe, unsafe = random_sides()
    turned = torch.tensor([True, False] * 6)[:, None, None]
    mixed = torch.where(turned, unsafe, safe), torch.where(turned, safe, unsafe)
    own, other = (whole(made(*sides, Variant.PAPER)) for sides in ((safe, unsafe), mixed))
    assert abs(float(own @ other)) == pytest.approx(1.0)
    lengths = [float(whole(made(*sides, Variant.PAPER, StepScale.MEAN)).norm()) for sides in ((safe, unsafe), mixed)]
    assert lengths[1] < lengths[0]
    means = [whole(made(*sides, Variant.DIFFERENCE)) for sides in ((safe, unsafe), mixed)]
    assert abs(float(means[0] @ means[1])) < 0.9


@pytest.mark.parametrize("variant", list(Variant))
def test_the_order_of_pairs_does_not_matter(variant: Variant) -> None:
    safe, unsafe = random_sides()
    order = torch.randperm(len(safe), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(whole(made(safe, unsafe, variant)), whole(made(safe[order], unsafe[order], variant)))


def test_a_step_of_unit_scale_has_length_one_over_all_layers_together() -> None:
    built = made(*random_sides(), Variant.PAPER, StepScale.UNIT)
    assert float(whole(built).norm()) == pytest.approx(1)


def test_a_step_of_mean_scale_is_as_long_as_the_mean_difference_along_it() -> None:
    """Differences (2, 0) and (4, 0) over two layers of width 1: c = (1, 0), mean along it 3."""
    built = made(states([2.0, 0.0], [4.0, 0.0], layers=2), torch.zeros(2, 2, 1), Variant.PAPER, StepScale.MEAN)
    assert {layer: direction.tolist() for layer, direction in built.vectors.directions.items()} == {0: [3], 1: [0]}


def test_a_step_of_relative_scale_has_length_one_in_every_layer() -> None:
    built = made(*random_sides(), Variant.DIFFERENCE, StepScale.RELATIVE)
    assert [float(direction.norm()) for direction in built.vectors.directions.values()] == pytest.approx([1, 1, 1])
    assert built.vectors.rule.relative


def test_only_the_chosen_layers_make_the_direction() -> None:
    """The first layer differs most; left out, it changes nothing."""
    safe, unsafe = random_sides()
    alone = made(safe, unsafe, Variant.PAPER, layers=[1, 2])
    safe[:, 0] += 100
    assert list(alone.vectors.directions) == [1, 2]
    torch.testing.assert_close(whole(alone), whole(made(safe, unsafe, Variant.PAPER, layers=[1, 2])))


def test_ordered_is_the_share_of_pairs_on_the_right_side() -> None:
    """Differences 3, 3 and -1 on one axis: two of three."""
    built = made(states([3.0], [3.0], [-1.0]), torch.zeros(3, 1, 1), Variant.DIFFERENCE)
    assert built.ordered == pytest.approx(2 / 3)


def test_one_pair_has_a_direction_but_no_principal_component() -> None:
    safe, unsafe = torch.ones(1, 1, 2), torch.zeros(1, 1, 2)
    assert whole(made(safe, unsafe, Variant.PAPER)).tolist() == pytest.approx([0.5**0.5] * 2)
    with pytest.raises(ConfigError, match="needs at least two pairs"):
        made(safe, unsafe, Variant.REFERENCE)


def test_sides_that_do_not_differ_have_no_direction() -> None:
    with pytest.raises(ConfigError, match="same hidden states"):
        made(torch.ones(3, 1, 2), torch.ones(3, 1, 2), Variant.DIFFERENCE)


def test_a_layer_outside_the_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="layer 3 of a 3-layer model; layers run 0 to 2"):
        made(*random_sides(), Variant.PAPER, layers=[3])


def test_rows_of_zeros_have_no_principal_direction() -> None:
    assert not principal_direction(torch.zeros(3, 4)).any()


@pytest.mark.parametrize(("variant", "scale"), [("difference", StepScale.MEAN), ("paper", StepScale.MEAN)])
def test_differences_that_cancel_out_are_refused(variant: str, scale: StepScale) -> None:
    """Each row twice, once with its sides exchanged: the mean difference is 0."""
    safe = torch.tensor([[[1.0, 2.0]], [[0.0, 0.0]], [[3.0, -1.0]], [[0.5, 0.5]]])
    unsafe = torch.tensor([[[0.0, 0.0]], [[1.0, 2.0]], [[0.5, 0.5]], [[3.0, -1.0]]])
    with pytest.raises(ConfigError, match="cancel out"):
        build(safe, unsafe, Variant(variant), layers=[0], site="block", scale=scale)
