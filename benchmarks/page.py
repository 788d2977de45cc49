"""What a run of the Classify page costs, with `apps.session.boot` and as Streamlit comes.

    python benchmarks/page.py [--runs 20]

After each run of a page Streamlit resets Keras and collects garbage; `boot` and the app's settings
keep it from that. Each way has a process of its own, because what `boot` does stays done. A run
classifies a picture anew; a browser's share is not in it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.timing import machine, table

SAMPLE = Path(__file__).resolve().parents[1] / "apps" / "samples" / "three.png"
WAYS = {"boot": "with `boot` and our settings", "plain": "as Streamlit comes"}


def main() -> int:
    """Measure each way in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="page runs that count")
    parser.add_argument("--way", choices=WAYS, help="measure this way in this process")
    options = parser.parse_args()
    if options.way:
        print(f"{median_run_ms(options.way, options.runs):.0f}")
        return 0
    rows = []
    for way, what in WAYS.items():
        words = [sys.executable, __file__, "--way", way, "--runs", str(options.runs)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        rows.append((what, f"{done.stdout.split()[-1]} ms"))
    print(f"{machine()}\n\n{table(('one page run', 'median'), rows)}")
    return 0


def median_run_ms(way: str, runs: int) -> float:
    """Return the median time of a page run that classifies a sample picture anew."""
    from streamlit import config
    from streamlit.testing.v1 import AppTest

    import apps.session
    from apps.settings import MAIN_SCRIPT

    config.set_option("runner.postScriptGC", way == "plain")
    if way == "plain":
        apps.session.boot = lambda: None  # type: ignore[assignment]  # what this way is
    page = AppTest.from_file(str(MAIN_SCRIPT), default_timeout=120).run()
    page.switch_page("views/classify.py").run()
    picture = SAMPLE.read_bytes()
    page.file_uploader[0].set_value([("three.png", picture, "image/png")])
    page.run()
    milliseconds = []
    for number in range(runs + 4):  # the first four warm up
        page.button_group[0].set_value((3, 10)[number % 2])  # another number of labels: anew
        start = time.perf_counter()
        page.run()
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return statistics.median(milliseconds[4:])


if __name__ == "__main__":
    sys.exit(main())
