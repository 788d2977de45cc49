"""Open the pages in a browser: serve them on this machine, until Ctrl-C.

Anybody who can reach the address can use the pages, so it is this machine's own unless --host says
otherwise.
"""

from __future__ import annotations

import argparse

from sightsound.arguments import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("--port", type=_port, default=8501, help="TCP port (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from apps.settings import streamlit_arguments

    try:
        from streamlit.web import cli
    except ImportError as error:
        raise UsageError("the pages need Streamlit: pip install 'sightsound[apps]'") from error
    # In this process, so that a signal to `sightsound` reaches the server and no child outlives it.
    cli.main(streamlit_arguments(options.host, options.port), standalone_mode=False)
    return 0


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535; got {text!r}")
    return int(text)
