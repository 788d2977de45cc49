"""What stands on top of a network's feature maps."""

from __future__ import annotations

from typing import Any, Literal

from keras import layers

Pooling = Literal["avg", "max"] | None


def pool(x: Any, pooling: Pooling) -> Any:
    """Map feature maps (B, H, W, C) to (B, C), or leave them as they are when None."""
    match pooling:
        case None:
            return x
        case "avg":
            return layers.GlobalAveragePooling2D(name="pool")(x)
        case "max":
            return layers.GlobalMaxPooling2D(name="pool")(x)


def flatten(x: Any) -> Any:
    """Map feature maps of a known size (B, H, W, C) to (B, H W C).

    Raises:
        ValueError: The size is not known: what follows has one weight a place.
    """
    if None in x.shape[1:]:
        raise ValueError(
            "a network with fully connected layers needs a fixed input_shape; got an image of any "
            "size; give height and width, or pass include_top=False"
        )
    return layers.Flatten(name="flatten")(x)


def logits(x: Any, classes: int, **options: Any) -> Any:
    """Map features (B, C) to logits (B, classes), in float32 whatever the policy."""
    return layers.Dense(classes, name="logits", dtype="float32", **options)(x)
