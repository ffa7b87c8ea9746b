"""A real browser, without a window, for the pages that the project makes."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def _found(names: tuple[str, ...]) -> str:
    path = next((path for name in names if (path := shutil.which(name))), None)
    if path is None:
        pytest.fail(f"No {names[0]}: the pages are tested in it (apt-get install chromium chromium-driver).")
    return path


@contextmanager
def browser(profile: Path, width: int, height: int = 900, *, dark: bool = False) -> Iterator[Chrome]:
    """Start Chromium with a viewport of that many pixels, whatever the smallest window of the system is."""
    options = ChromeOptions()
    options.binary_location = _found(BROWSERS)
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic"]
    arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    # The sandbox of Chromium refuses root.
    for argument in [*arguments, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(_found(("chromedriver",))))
    try:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield driver
    finally:
        driver.quit()
