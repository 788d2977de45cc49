"""The blocks of a network, told from the names of its layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# What the layers of one block have in common in the networks here and in Keras's: all of
# `stage1_block2_conv1`, `inception_3a_5x5_reduce`, `conv4_block6_out`, `transition2_pool`.
_BLOCK = re.compile(
    r"(?:stage\d+_(?:block\d+|cell\d+|reduction)|stem_reduction\d+|inception_\d+[a-z]"
    r"|conv\d+_block\d+|(?:stage|block|transition|auxiliary|map|up)\d+"
    r"|stem|whiten|first|extract|shrink|expand|body|deconv|last|final)(?=_|$)"
)
# And of `conv1_2`, `relu1_2`, `pool1`, or `fc6`, `relu6`, `dropout6`: the number.
_NUMBERED = re.compile(r"[a-z]+(\d+)(?=_|$)")


def block_names(names: Iterable[str]) -> Iterator[str]:
    """Yield the block of each layer; names come in the network's order."""
    block = number = ""
    for name in names:
        nested, inside, _ = name.partition("/")
        found, numbered = _BLOCK.match(name), _NUMBERED.match(name)
        if inside:
            block, number = nested, ""
        elif found:
            block, number = found.group(), ""
        elif not numbered:
            block, number = name, ""
        elif numbered[1] != number:  # else `relu1` after `conv1`: the block goes on
            block, number = numbered.group(), numbered[1]
        yield block
