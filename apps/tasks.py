"""The pages there are; navigation and the cards on the home page follow from this table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines import TASKS
from pipelines.presets import list_presets

# Not `pages`: a folder of that name beside main.py turns on Streamlit's old way of multipage apps,
# which answers the first visitor of a fresh server when they come by a link to a page.
VIEWS = Path(__file__).with_name("views")


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        script: What Streamlit runs.
        title: Its name in the navigation.
        icon: Beside the title; a `:material/` icon comes with Streamlit.
        wish: What a visitor comes for, as one sentence.
        task: The pipeline's task; empty for a page without one.
    """

    script: Path
    title: str
    icon: str
    wish: str = ""
    task: str = ""

    @property
    def presets(self) -> list[str]:
        """The shipped presets of the task, its own one first; none without a task."""
        if not self.task:
            return []
        first = TASKS[self.task].default_preset
        return sorted(list_presets(self.task), key=lambda name: (name != first, name))


# Home comes first and is the default: Streamlit gives the default page no path of its own, so any
# other page in its place would lose its link.
HOME = Page(VIEWS / "home.py", "Home", ":material/home:")
CLASSIFY = Page(
    VIEWS / "classify.py",
    "Classify pictures",
    ":material/image_search:",
    "Say what is in a picture, with a score for every label.",
    "image-classification",
)
UPSCALE = Page(
    VIEWS / "upscale.py",
    "Enlarge pictures",
    ":material/photo_size_select_large:",
    "Make a photograph two, three or four times larger, and sharper than resampling does.",
    "super-resolution",
)
INPAINT = Page(
    VIEWS / "inpaint.py",
    "Remove things",
    ":material/ink_eraser:",
    "Draw over what should go from a photograph; the gap is filled to match what is around it.",
    "inpainting",
)
AUDIO = Page(
    VIEWS / "audio.py",
    "Make sound",
    ":material/graphic_eq:",
    "Let a network speak, continue a recording, or say it anew: sample by sample.",
    "audio-generation",
)
TASK_PAGES = (CLASSIFY, UPSCALE, INPAINT, AUDIO)
NETWORKS = Page(
    VIEWS / "networks.py",
    "Networks",
    ":material/account_tree:",
    "See what a network is made of, what each layer costs, and what a change would do.",
)
TRAINING = Page(
    VIEWS / "training.py",
    "Training",
    ":material/model_training:",
    "Train a small network in the background, watch it learn, and take it with you.",
)
OTHER_PAGES = (TRAINING, NETWORKS)
ALL_PAGES = (HOME, *TASK_PAGES, *OTHER_PAGES)
