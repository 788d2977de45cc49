"""What the papers of super-resolution state of their networks."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.catalog import create_model, features
from models.explain import explain
from models.restoration import edsr
from models.restoration.srresnet import build_discriminator


def kernels(model: keras.Model) -> int:
    """Count weights as the papers do: without biases and slopes."""
    return sum(int(np.prod(v.shape)) for v in model.weights if v.path.endswith("/kernel"))


@pytest.mark.parametrize(
    ("name", "scale", "weights"),
    [
        ("srcnn", 2, 8_032),  # arXiv:1501.00092, section 4.3.2
        ("srcnn_935", 2, 24_416),
        ("srcnn_955", 2, 57_184),
        ("fsrcnn", 3, 12_464),  # arXiv:1608.00367, tables 1 and 2
        ("fsrcnn_s", 3, 3_937),
        ("vdsr", 2, 9 * 64 + 18 * 9 * 64 * 64 + 9 * 64),
        ("espcn", 3, 25 * 64 + 9 * 64 * 32 + 9 * 32 * 9),
    ],
)
def test_weights_are_as_many_as_published(name: str, scale: int, weights: int) -> None:
    assert kernels(create_model(name, scale=scale)) == weights


@pytest.mark.parametrize(
    ("name", "scale", "params"),
    [
        # With biases, as everybody counts these.
        ("edsr_baseline", 2, 1_369_859),
        ("edsr_baseline", 3, 1_554_499),
        ("edsr_baseline", 4, 1_517_571),
        ("edsr", 2, 40_729_603),
        ("edsr", 3, 43_680_003),
        ("edsr", 4, 43_089_923),
        ("srresnet", 4, 1_548_547),
        ("espcn", 3, 22_729),
    ],
)
def test_parameters_of_the_other_scales(name: str, scale: int, params: int) -> None:
    assert explain(name, scale=scale).trainable == params


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("srcnn", 9 + 1 + 5 - 2),
        ("srcnn_955", 9 + 5 + 5 - 2),
        ("vdsr", 41),  # arXiv:1511.04587, section 3.1
        ("espcn", 5 + 3 + 3 - 2),
        # Four convolutions of 3 x 3 after one of 5 x 5; a window of 9 at half steps reads 5 pixels.
        ("fsrcnn", 5 + 4 * 2 + 4),
        # 34 convolutions of 3 x 3; the last one's window, at half steps, reads 2 pixels.
        ("edsr_baseline", 1 + 2 * 35 + 1),
        # 33 of 3 x 3 between 9 x 9 and 9 x 9 at half steps, and the one that is shuffled.
        ("srresnet", 9 + 2 * 34 + 4),
    ],
)
def test_the_receptive_field_is_counted(name: str, field: int) -> None:
    assert explain(name).rows[-1].receptive_field == (field, field)


def test_a_weight_is_used_once_a_pixel_of_the_image_it_works_on() -> None:
    # arXiv:1608.00367, section 3.1 and 3.2: SRCNN's cost goes with the large size, FSRCNN's with
    # the small one.
    assert explain("srcnn").multiply_adds == 8_032 * 512 * 512
    assert explain("fsrcnn").multiply_adds == 12_464 * 256 * 256
    assert explain("fsrcnn", input_shape=(100, 80, 1), scale=4).multiply_adds == 12_464 * 8_000


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("fsrcnn_s", ["image", "extract", "shrink", "map1", "expand", "deconv"]),
        ("srresnet_micro", ["image", "first", "block1", "block2", "body", "up1", "last"]),
        ("vdsr_micro", ["image", "conv1", "conv2", "conv3", "conv4", "image_add"]),
    ],
)
def test_blocks_are_told_from_names(name: str, blocks: list[str]) -> None:
    assert [row.name for row in explain(name).by_block().rows] == blocks


@pytest.mark.parametrize(
    "name", ["srcnn", "vdsr", "fsrcnn", "espcn", "edsr_micro", "srresnet_micro", "sesr_micro"]
)
def test_the_receptive_field_is_the_one_measured(name: str) -> None:
    (field, _) = explain(name).rows[-1].receptive_field or (0, 0)
    model = create_model(name)
    for variable in model.weights:  # positive, so that no influence is cancelled or cut off
        if variable.path.endswith("kernel"):
            variable.assign(np.full(variable.shape, 1 / np.prod(variable.shape[:-1])))
    # What the network sees as nothing, and then one bright row after the other.
    side, channels = 2 * field, model.input_shape[-1]
    nothing = edsr.MEANS[3] if name.startswith("edsr") else 0
    columns = np.full((side + 1, side, 1, channels), nothing, "float32")
    columns[np.arange(side), np.arange(side)] += 1e6
    outputs = np.asarray(model(columns))
    moved = np.abs(outputs[:-1] - outputs[-1]).max(axis=(2, 3)) > 0  # (row moved, row seeing it)
    assert moved.sum(axis=0).max() == field


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_fsrcnns_deconvolution_is_tensorflows_same(scale: int) -> None:
    model = create_model("fsrcnn_micro", scale=scale)
    maps = features(model, ["expand_prelu", "deconv_crop"])
    image = np.random.default_rng(3).uniform(size=(2, 5, 8, 1)).astype("float32")
    read, enlarged = maps(image).values()
    kernel = np.asarray(model.get_layer("deconv").kernel)
    size = (2, 5 * scale, 8 * scale, 1)
    wanted = tf.nn.conv2d_transpose(read, kernel, size, scale, padding="SAME")
    # Float32 sums of at most 5 x 5 x 6 products, in two orders.
    np.testing.assert_allclose(enlarged, wanted, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize(("scale", "pixels"), [(2, 0.5), (3, 0.0), (4, 0.5)])
def test_fsrcnns_windows_lie_around_their_pixels(scale: int, pixels: float) -> None:
    model = create_model("fsrcnn_micro", scale=scale)
    layer = model.get_layer("deconv")
    layer.kernel.assign(np.ones(layer.kernel.shape))
    x = np.zeros((1, 9, 9, 6), "float32")
    x[0, 4, 4] = 1
    seen = np.flatnonzero(np.asarray(model.get_layer("deconv_crop")(layer(x)))[0, :, 4 * scale, 0])
    centre = 4 * scale + (scale - 1) / 2  # of the pixel, enlarged
    assert seen.mean() - centre == pixels


def test_vdsr_and_edsr_begin_with_what_they_add_to() -> None:
    image = np.random.default_rng(4).uniform(size=(1, 6, 7, 1)).astype("float32")
    vdsr = create_model("vdsr_micro")
    for variable in vdsr.get_layer("conv4").weights:
        variable.assign(np.zeros(variable.shape))
    np.testing.assert_array_equal(vdsr(image), image)
    baseline = create_model("edsr_micro")
    baseline.get_layer("last_conv").set_weights(
        [np.zeros_like(w) for w in baseline.get_layer("last_conv").get_weights()]
    )
    mean = np.asarray(baseline(np.repeat(image, 3, axis=-1)))
    np.testing.assert_allclose(mean[0, 5, 5], [0.4488, 0.4371, 0.4040], rtol=1e-6)


def test_initial_weights_are_the_papers() -> None:
    keras.utils.set_random_seed(6)
    wanted = {
        ("srcnn", "conv1"): 1e-3,
        ("srcnn", "conv2"): 1e-3,
        ("fsrcnn", "deconv"): 1e-3,
        ("fsrcnn", "extract_conv"): np.sqrt(2 / 25),
        ("vdsr", "conv7"): np.sqrt(2 / (9 * 64)),
        ("edsr_baseline", "block3_conv2"): np.sqrt(1 / 3 / (9 * 64)),
    }
    for (name, layer), deviation in wanted.items():
        kernel = np.asarray(create_model(name).get_layer(layer).kernel)
        # Of 1,400 draws or more: five standard errors of a deviation are 10 %; `he_normal` cuts
        # its tails off and makes up for it.
        assert kernel.std() == pytest.approx(deviation, rel=0.1), (name, layer)
    model = create_model("vdsr")
    first, second = (np.asarray(model.get_layer(f"conv{n}").kernel) for n in (7, 8))
    assert (first != second).any()  # no two layers draw the same


def test_the_discriminator_is_the_papers() -> None:
    model = build_discriminator()
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 23_563_649
    widths = [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert widths == [64, 64, 128, 128, 256, 256, 512, 512]
    assert model.get_layer("flatten").output.shape == (None, 6 * 6 * 512)
    assert model.output_shape == (None, 1)
    assert model.output.dtype == "float32"


def test_the_discriminator_learns_to_tell_images_apart(photographs) -> None:
    keras.utils.set_random_seed(7)
    model = build_discriminator(input_shape=(24, 24, 3), widths=(6, 8), units=12)
    photograph = photographs["china"][192:384, :384].astype("float32") / 255
    sharp = np.stack([photograph[y : y + 24, x : x + 24] for y in range(0, 192, 24)
                      for x in range(0, 384, 24)])  # fmt: skip
    blurred = sharp.reshape(-1, 12, 2, 12, 2, 3).mean(axis=(2, 4)).repeat(2, 1).repeat(2, 2)
    images = np.concatenate([sharp, blurred])
    labels = np.repeat([1.0, 0.0], len(sharp))[:, None]
    model.compile(
        keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )  # fmt: skip
    model.fit(images, labels, epochs=20, batch_size=32, verbose=0)
    right = (np.asarray(model(images, training=False)) > 0) == (labels > 0)
    assert right.mean() > 0.8  # half is chance


def test_the_discriminator_needs_a_size() -> None:
    with pytest.raises(ValueError, match=r"need a fixed input_shape .*; got \(None, None, 3\)"):
        build_discriminator(input_shape=(None, None, 3))
