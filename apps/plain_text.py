r"""Words of a visitor, shown as they are.

Nearly every Streamlit element reads its text as Markdown, so that a file called
`![x](http://evil.example/x.png)` would become a picture from elsewhere. `plain` returns Markdown
that shows the text itself.

A backslash stops Markdown proper. Emoji and icon codes (`:smile:`, `:material/home:`), bare
addresses (`http://…`, `www.…`, `name@host`) and arrows (`->`) are found later, in the finished
text, where the backslash is gone; an invisible word joiner (U+2060) inside them stops those.
"""

from __future__ import annotations

import re
import unicodedata

WORD_JOINER = "\u2060"

_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")  # all ASCII punctuation; CommonMark 2.4
_FOUND_LATER = re.compile(  # where a joiner goes
    r"(?<=[:@])"
    r"|(?<=www)(?=\.)"
    r"|(?<![^ ][<>~-])(?<=[<>~-])(?=[=>-])",  # only where a blank or nothing is before the arrow
    re.IGNORECASE,
)
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, text direction, lone surrogates


def plain(text: str, *, limit: int = 80) -> str:
    """Write Markdown that shows `text` literally, on one line.

    Control characters and those that turn the direction of the text become blanks; a text of more
    than `limit` characters loses its middle, so that a file keeps its ending.
    """
    seen = "".join(" " if unicodedata.category(letter) in _UNSEEN else letter for letter in text)
    line = " ".join(seen.split())
    if len(line) > limit:
        tail = limit // 3
        line = f"{line[: limit - tail - 1]}…{line[-tail:]}"
    return _MARKUP.sub(r"\\\1", _FOUND_LATER.sub(WORD_JOINER, line))
