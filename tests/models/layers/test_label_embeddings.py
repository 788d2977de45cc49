"""Labels become the sum of their vectors."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.layers.label_embeddings import LabelEmbeddings


def test_each_label_adds_a_vector_of_its_own() -> None:
    layer = LabelEmbeddings((3, 2), 4)
    labels = np.array([[0, 0], [2, 1], [1, 0]])
    sums = np.asarray(layer(labels))
    table = np.asarray(layer.embeddings)
    assert table.shape == (5, 4)
    np.testing.assert_array_equal(sums, table[[0, 2, 1]] + table[[3, 4, 3]])


def test_layer_survives_saving_and_multiplies_nothing() -> None:
    layer = LabelEmbeddings([10, 6], 3, name="labels")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, LabelEmbeddings)
    assert (again.counts, again.dim) == ((10, 6), 3)
    assert layer.compute_output_shape((None, 2)) == (None, 3)
    assert layer.multiply_adds((None, 2), (None, 3)) == 0


@pytest.mark.parametrize(("counts", "dim"), [((), 4), ((3, 0), 4), ((3,), 0)])
def test_sizes_of_nothing_are_refused(counts, dim: int) -> None:
    with pytest.raises(ValueError, match="there must be a label, and its classes and dim at least"):
        LabelEmbeddings(counts, dim)


def test_another_number_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 labels; got 3"):
        LabelEmbeddings((3, 2), 4)(np.zeros((1, 3), "int32"))
