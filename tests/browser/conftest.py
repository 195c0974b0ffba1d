"""Debian's chromium, without a window, and pages opened in it from files."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradcheck.output import FORMATS, Options
from gradcheck.report import Report

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)
#: Set where a browser must be there, so that tests which did not run are not taken for tests that passed.
REQUIRED = "GRADCHECK_BROWSER"


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A driver of the browser; a skip where there is none."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        binary = None
    if binary is None or driver is None:
        assert REQUIRED not in os.environ, "chromium, chromium-driver or selenium is missing"
        pytest.skip("needs chromium, chromium-driver and selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    browser.set_script_timeout(60)
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The browser, 1000 pixels wide and light; at the end nothing may have been complained of."""
    _look(chromium, 1000)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.get("about:blank")
    chromium.get_log("browser")
    yield chromium
    assert chromium.get_log("browser") == []


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Callable[..., Any]:
    """Opens the page of a report, at an element where one is named."""

    def open_page(report: Report, at: str = "", **options: Any) -> Any:
        file = tmp_path / "page.html"
        file.write_text(FORMATS["html"](report, Options(**options)), encoding="ascii")
        browser.get(f"{file.as_uri()}{at}")
        return browser

    return open_page


@pytest.fixture
def look(browser: Any) -> Callable[..., None]:
    """Gives the page a width, and the reader a preference."""
    return functools.partial(_look, browser)


def _look(browser: Any, width: int, dark: bool = False) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    preference = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})
