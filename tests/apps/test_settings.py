from __future__ import annotations

import pytest
from streamlit import config

from apps.settings import LOOPBACK_HOSTS, MAIN_SCRIPT, SETTINGS, streamlit_arguments


def flags(arguments: list[str]) -> dict[str, list[str]]:
    """Collect the values of each `--key=value`."""
    found: dict[str, list[str]] = {}
    for argument in arguments[2:]:
        key, value = argument.removeprefix("--").split("=")
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("key", SETTINGS)
def test_streamlit_knows_the_setting(key: str) -> None:
    config.get_option(key)  # raises for an unknown one


def test_the_arguments_run_the_main_page() -> None:
    assert streamlit_arguments()[:2] == ["run", str(MAIN_SCRIPT)]
    assert MAIN_SCRIPT.is_file()


def test_only_this_machine_is_served_unless_asked() -> None:
    assert flags(streamlit_arguments())["server.address"] == ["127.0.0.1"]
    assert flags(streamlit_arguments("0.0.0.0", 80))["server.address"] == ["0.0.0.0"]
    assert flags(streamlit_arguments("0.0.0.0", 80))["server.port"] == ["80"]


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_on_a_loopback_address_no_other_host_name_is_answered(host: str) -> None:
    assert flags(streamlit_arguments(host))["server.allowedHosts"] == list(LOOPBACK_HOSTS)


def test_on_a_public_address_any_host_name_is_answered() -> None:
    assert "server.allowedHosts" not in flags(streamlit_arguments("192.0.2.1"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server.maxUploadSize", "20"),
        ("server.enableXsrfProtection", "true"),
        ("server.headless", "true"),
        ("browser.gatherUsageStats", "false"),
        ("client.showErrorDetails", "type"),
        ("client.showErrorLinks", "false"),
        ("client.toolbarMode", "viewer"),
        ("runner.postScriptGC", "false"),
    ],
)
def test_visitors_are_protected(key: str, value: str) -> None:
    assert flags(streamlit_arguments())[key] == [value]
