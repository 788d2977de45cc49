"""The ImageNet weights that Keras publishes: where the files lie, and how one is fetched.

A network with and without its top are two files: VGG-16's are 528 MB and 56 MB.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import keras

IMAGENET = "imagenet"  # the value of `weights` that asks for them
CLASSES = 1000
_URL = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class PublishedFile:
    """One file.

    Attributes:
        url: Where it is published.
        name: Its name in Keras's cache, which keras.applications shares.
        md5: Its hash.
    """

    url: str
    name: str
    md5: str


def _files(folder: str, network: str, *md5: str) -> tuple[PublishedFile, PublishedFile]:
    names = [f"{network}_weights_tf_dim_ordering_tf_kernels{end}.h5" for end in ("", "_notop")]
    top, no_top = (
        PublishedFile(f"{_URL}/{folder}/{name}", name, hash_)
        for name, hash_ in zip(names, md5, strict=True)
    )
    return top, no_top


def _nasnet_files(size: str, *md5: str) -> tuple[PublishedFile, PublishedFile]:
    top, no_top = md5
    return (
        PublishedFile(f"{_URL}/nasnet/NASNet-{size}.h5", f"nasnet_{size}.h5", top),
        PublishedFile(f"{_URL}/nasnet/NASNet-{size}-no-top.h5", f"nasnet_{size}_no_top.h5", no_top),
    )


# As keras.applications states them: the file with a top, and the one without.
PUBLISHED = MappingProxyType(
    {
        "vgg16": _files(
            *("vgg16", "vgg16"),
            *("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
        ),
        "vgg19": _files(
            *("vgg19", "vgg19"),
            *("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
        ),
        "resnet50": _files(
            *("resnet", "resnet50"),
            *("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
        ),
        "resnet101": _files(
            *("resnet", "resnet101"),
            *("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
        ),
        "resnet152": _files(
            *("resnet", "resnet152"),
            *("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
        ),
        "densenet121": _files(
            *("densenet", "densenet121"),
            *("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
        ),
        "densenet169": _files(
            *("densenet", "densenet169"),
            *("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
        ),
        "densenet201": _files(
            *("densenet", "densenet201"),
            *("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
        ),
        "nasnet_mobile": _nasnet_files(
            "mobile", "020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"
        ),
        "nasnet_large": _nasnet_files(
            "large", "11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"
        ),
    }
)


def fetch(name: str, *, classes: int | None = None, include_top: bool = True) -> Path:
    """Return the file with the ImageNet weights of `name`, from the cache where it is there.

    Progress goes to standard error.

    Raises:
        ValueError: There are none; or they are of another number of classes; or what came is not
            what was published.
        ConnectionError: It cannot be fetched.
    """
    if name not in PUBLISHED:
        raise ValueError(f"{name} has no published ImageNet weights; {', '.join(PUBLISHED)} have")
    if include_top and classes not in (None, CLASSES):
        raise ValueError(
            f"ImageNet weights give {CLASSES} classes; got classes={classes}; to train on classes "
            "of your own, pass include_top=False and add a layer, or leave classes out and call "
            "the pipeline's `fit`"
        )
    file = PUBLISHED[name][0 if include_top else 1]
    try:
        with redirect_stdout(sys.stderr):
            fetched = keras.utils.get_file(
                file.name,
                file.url,
                cache_dir=cache(),
                cache_subdir="models",
                file_hash=file.md5,
            )
    except ValueError:
        raise
    except Exception as error:  # get_file raises nothing narrower
        raise ConnectionError(
            f"cannot fetch {file.url}: {error}; a file from elsewhere goes to {cache() / 'models'}"
        ) from error
    return Path(fetched)


def is_cached(name: str) -> bool:
    """Return whether `fetch(name)` needs no network."""
    file = PUBLISHED[name][0]
    path = cache() / "models" / file.name
    if not path.is_file():
        return False
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "md5").hexdigest() == file.md5


def cache() -> Path:
    """Return Keras's own folder, as its documentation states it."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
