"""The page that `make demo` writes, of parts that the demo makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Section:
    """A part of the page: heading, paragraph, table; pictures and sounds with what they are."""

    title: str
    text: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    pictures: Sequence[tuple[str, str]] = ()
    sounds: Sequence[tuple[str, str]] = ()


def render(sections: Sequence[Section], seconds: float) -> str:
    """Return the page: no script, nothing from the network, light and dark."""
    from sightsound import __version__

    body = "\n".join(_section(section) for section in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sightsound: what came out</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Sightsound</h1>
<p>Classic networks on real pictures, measured on this machine in {seconds:.0f} seconds with version
{escape(__version__)}. <code>make app</code> lets you try your own.</p>
</header>
{body}
</body>
</html>
"""


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>", f"<p>{escape(section.text)}</p>"]
    if section.rows:
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in section.header)
        rows = "\n".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in section.rows
        )
        table_ = f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
        parts.append(f'<div class="wide">{table_}</div>')
    figures = "\n".join(_figure(*picture) for picture in section.pictures)
    if figures:
        parts.append(f'<div class="pictures">{figures}</div>')
    sounds = "\n".join(_player(*sound) for sound in section.sounds)
    if sounds:
        parts.append(f'<div class="pictures">{sounds}</div>')
    return "<section>\n" + "\n".join(parts) + "\n</section>"


def _figure(file: str, caption: str) -> str:
    text = escape(caption, quote=True)
    return (
        f'<figure><img src="{escape(file)}" alt="{text}"><figcaption>{text}</figcaption></figure>'
    )


def _player(file: str, caption: str) -> str:
    text = escape(caption, quote=True)
    return (
        f'<figure><audio controls src="{escape(file)}" aria-label="{text}"></audio>'
        f"<figcaption>{text}</figcaption></figure>"
    )


STYLE = """
:root { color-scheme: light dark; --ink: #1c2524; --paper: #fcfcfb; --line: #dfe4e2;
  --accent: #0f766e; --soft: #5d6b69; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eeec; --paper: #101615; --line: #2c3836;
  --accent: #2dd4bf; --soft: #9fb0ac; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 64rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
h1 { margin: 0; font-size: 2.2rem; color: var(--accent); letter-spacing: -0.02em; }
h2 { margin: 3rem 0 0.5rem; font-size: 1.35rem; }
p { max-width: 44rem; margin: 0.5rem 0 1rem; }
header p { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.93rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 1.4rem 0.4rem 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
.pictures { display: flex; flex-wrap: wrap; gap: 1.25rem; margin-top: 1.25rem;
  align-items: flex-start; }
figure { margin: 0; max-width: 100%; }
img { display: block; max-width: 100%; max-height: 32rem; border: 1px solid var(--line);
  border-radius: 0.6rem; background: white; }
figcaption { margin-top: 0.4rem; font-size: 0.9rem; color: var(--soft); }
code { color: var(--accent); }
"""
