"""Depth makes a plain network harder to train, and shortcuts undo that."""

from __future__ import annotations

import pytest

from models.catalog import create_model
from pipelines.classification.experiments import plain_or_residual
from pipelines.classification.experiments.plain_or_residual import mean_error
from pipelines.classification.experiments.samples import load_sample


@pytest.mark.slow
def test_a_deep_plain_network_learns_more_slowly_than_all_others() -> None:
    settings = plain_or_residual.Settings(
        pictures=400, test_pictures=200, depths=(8, 26), width=4, epochs=4, batch_size=25
    )
    finding = plain_or_residual.run(settings, seed=1)
    error = {(one["kind"], one["depth"]): mean_error(one) for one in finding.figures["runs"]}
    assert error["plain", 26] > error["plain", 8] + 0.1
    assert error["plain", 26] > error["residual", 26] + 0.1
    assert "With 26 layers instead of 8 the plain network is harder to train" in finding.conclusion
    assert len(finding.rows) == 4
    assert len(finding.figures["runs"][0]["errors"]) == 4


def test_the_networks_are_the_catalogs_at_another_width() -> None:
    sample = load_sample("digits", pictures=10, test_pictures=10)
    for kind, name in (("plain", "plain20"), ("residual", "resnet20")):
        ours = plain_or_residual.network(kind, 20, 16, sample)
        catalogs = create_model(name, input_shape=(8, 8, 1))
        assert [layer.name for layer in ours.layers[1:]] == [
            layer.name for layer in catalogs.layers[1:]
        ]
        assert ours.count_params() == catalogs.count_params()
    narrow = plain_or_residual.network("residual", 8, 4, sample)
    assert [narrow.get_layer(f"stage{n}_block1_conv2").filters for n in (1, 2, 3)] == [4, 8, 16]


@pytest.mark.parametrize(
    ("depths", "message"),
    [
        ((8, 21), "depths must be 8, 14, 20"),
        ((2, 8), "depths must be 8, 14, 20"),
        ((20, 8), "two or more, rising"),
        ((8,), "two or more, rising"),
    ],
)
def test_depths_are_checked(depths: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plain_or_residual.Settings(depths=depths)
