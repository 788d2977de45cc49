"""Tell what this machine and this installation have: devices, versions, presets, extras.

The exit status is 1 when TensorFlow does not start or a preset is damaged.
"""

from __future__ import annotations

import argparse
import json

from sightsound.doctor import describe, examine, is_well


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    """Print the findings."""
    findings = examine()
    print(json.dumps(findings, indent=2) if options.json else describe(findings))
    return 0 if is_well(findings) else 1
