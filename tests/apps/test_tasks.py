from __future__ import annotations

import pytest

from apps.preset_card import title
from apps.tasks import HOME, TASK_PAGES, Page
from pipelines import TASKS, pipeline
from pipelines.presets import list_presets

SUPPLIED = [page for page in TASK_PAGES if list_presets(page.task)]


@pytest.mark.parametrize("page", [HOME, *TASK_PAGES], ids=lambda page: page.title)
def test_the_page_has_a_script(page: Page) -> None:
    assert page.script.is_file()


@pytest.mark.parametrize("page", SUPPLIED, ids=lambda page: page.title)
def test_the_page_serves_a_task_with_its_own_preset_first(page: Page) -> None:
    assert page.task in TASKS
    assert page.presets[0] == pipeline(page.task).preset
    assert sorted(page.presets) == list_presets(page.task)


def test_each_task_has_a_page() -> None:
    assert sorted(page.task for page in TASK_PAGES) == sorted(TASKS)


@pytest.mark.parametrize("page", SUPPLIED, ids=lambda page: page.title)
def test_no_two_presets_have_the_same_title(page: Page) -> None:
    titles = [title(name) for name in page.presets]  # Streamlit tells options apart by their text
    assert len(set(titles)) == len(titles)
