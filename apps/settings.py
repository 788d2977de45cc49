"""How the Streamlit server is set up.

The settings are arguments, not a `.streamlit/config.toml`, because Streamlit looks for that file
in the folder it is started from: an installed package has no such folder. As arguments they also
win over whatever configuration file lies there.
"""

from __future__ import annotations

from pathlib import Path

MAIN_SCRIPT = Path(__file__).with_name("main.py")
UPLOAD_LIMIT_MB = 20  # a photograph of a large phone camera has 5 to 15 MB

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

SETTINGS: dict[str, str | int | bool] = {
    "server.headless": True,  # open no browser and ask for no e-mail address
    "server.showEmailPrompt": False,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.maxUploadSize": UPLOAD_LIMIT_MB,
    "server.fileWatcherType": "none",  # reloaded modules would register their Keras layers twice
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",  # visitors can neither clear the cache nor deploy
    "client.showErrorDetails": "type",  # a traceback shows paths of this machine
    "client.showErrorLinks": False,  # they lead to search engines, with the message
    "runner.magicEnabled": False,  # a bare expression in a page is no output
    "runner.postScriptGC": False,  # a full collection after every run costs more than the run
    "theme.baseRadius": "0.75rem",
    "theme.paddingTop": "2rem",
    "theme.paddingBottom": "4rem",
    "theme.light.primaryColor": "#0f766e",
    "theme.light.backgroundColor": "#fcfcfb",
    "theme.light.secondaryBackgroundColor": "#f1f3f2",
    "theme.light.textColor": "#1c2524",
    "theme.light.borderColor": "#dfe4e2",
    "theme.dark.primaryColor": "#2dd4bf",
    "theme.dark.backgroundColor": "#101615",
    "theme.dark.secondaryBackgroundColor": "#1b2423",
    "theme.dark.textColor": "#e8eeec",
    "theme.dark.borderColor": "#2c3836",
}


def streamlit_arguments(host: str = "127.0.0.1", port: int = 8501) -> list[str]:
    """Give what follows `python -m streamlit` to serve the pages.

    On a loopback address the server also refuses connections that name any other host: a page of
    the web that makes its own name point to this machine (DNS rebinding) gets no answer.

    Args:
        host: The address to listen on; `"0.0.0.0"` serves the whole network.
        port: The TCP port, 1 to 65535.
    """
    settings = SETTINGS | {"server.address": host, "server.port": port}
    arguments = ["run", str(MAIN_SCRIPT)]
    arguments += [f"--{key}={_flag(value)}" for key, value in settings.items()]
    if host in LOOPBACK_HOSTS:
        arguments += [f"--server.allowedHosts={name}" for name in LOOPBACK_HOSTS]
    return arguments


def _flag(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
