"""`python -m sightsound`, where the command `sightsound` is not on the path."""

import sys

from sightsound.cli import main

sys.exit(main())
