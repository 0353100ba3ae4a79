"""The site in a real browser, from files: a phone's width and a desk's, nothing complained of, nothing cut off."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from feast import FeatureStore

from expectations.gate import BatchRefused, EventGate
from expectations.reports import Reports
from expectations.settings import QualitySettings
from tests.browser import Browser, chromium
from tests.integration.expectations.frames import orders
from tests.kept_reports import MARKUP, NOW, keep_gates, keep_models, keep_predictions, keep_reports

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium is installed")
PHONE, DESK = 390, 1280
PAGES = (
    "index", "quality", "gates", "parity", "freshness", "drift", "performance", "predictions", "models", "data_docs/index",
    "data_docs/expectations/events-orders", "data_docs/validations/events-orders/marked/*/marked",
)  # fmt: skip
ADDRESSES = "[...document.querySelectorAll('a[href]')].map((a) => a.href)"
TOO_SMALL = """[...document.querySelectorAll('svg text')].filter((t) => t.getClientRects().length &&
    t.getBoundingClientRect().right > t.ownerSVGElement.getBoundingClientRect().right + 1).map((t) => t.textContent)"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, store: FeatureStore) -> Path:
    """Thirty days with something wrong in each area, and a batch that was really checked and refused."""
    settings = QualitySettings(data_dir=tmp_path_factory.mktemp("shop"))
    keep_reports(settings.reports_dir)
    keep_predictions(settings.data_dir / "predictions")
    keep_models(settings.data_dir)
    keep_gates(settings.data_dir)
    with pytest.raises(BatchRefused):
        EventGate(settings, lambda: NOW)(
            store, "orders", orders().with_columns(device_id=pl.lit(MARKUP * 2)), batch="marked"
        )
    return Reports(settings, lambda: NOW).build().parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser.started() as running:
        yield running


def found(site: Path, name: str) -> Path:
    """The one file of that name."""
    (page,) = site.glob(f"{name}.html")
    return page


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_nothing_is_complained_of(
    site: Path, browser: Browser, name: str, width: int
) -> None:
    """No error, no request that failed or left the machine, no sideways scrolling, no label of a chart cut off."""
    browser.complaints.clear()
    browser.open(found(site, name), width)
    assert browser.complaints == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(TOO_SMALL) == []
    assert browser.evaluate("document.title") != "owned"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(site: Path, browser: Browser, name: str) -> None:
    """To a file beside it, or to a place on the page."""
    browser.open(found(site, name), DESK)
    for address in browser.evaluate(ADDRESSES):
        if address == "https://greatexpectations.io/":
            continue
        path, _, place = address.removeprefix("file://").partition("#")
        assert Path(path).is_file(), address
        if place:
            assert browser.evaluate(f"document.getElementById({place!r}) !== null"), address


def test_a_table_is_sorted_by_a_click_on_its_heading(site: Path, browser: Browser) -> None:
    """By value, down first, then up; the heading says so to those who do not see it."""
    browser.open(site / "drift.html", DESK)
    heading = "[...document.querySelectorAll('th button')].find((b) => b.textContent === 'PSI')"
    psi = "[...document.querySelectorAll('table.sortable tbody tr')].map((row) => Number(row.cells[2].dataset.value))"
    for way, ordered in (("descending", sorted), ("ascending", sorted)):
        browser.evaluate(f"{heading}.click()")
        found = browser.evaluate(psi)
        assert found == ordered(found, reverse=way == "descending")
        assert browser.evaluate(f"{heading}.parentElement.getAttribute('aria-sort')") == way


def test_dark_pages_are_dark(site: Path, browser: Browser) -> None:
    """The page follows what the reader's screen prefers."""
    colour = "getComputedStyle(document.body).backgroundColor"
    browser.open(site / "index.html", PHONE, dark=False)
    light = browser.evaluate(colour)
    browser.open(site / "index.html", PHONE, dark=True)
    assert browser.evaluate(colour) != light


def test_complaints_are_heard(tmp_path: Path, browser: Browser) -> None:
    """The tests above would fail: an error, a console message, a file that is not there, somebody else's server."""
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><img src=nothing.png><img src=http://127.0.0.1:9/x><script>console.error('said'); broken()</script>"
    )
    browser.complaints.clear()
    browser.open(page, DESK)
    heard = "\n".join(browser.complaints)
    for text in ("said", "broken", "ERR_FILE_NOT_FOUND", "asked for http://127.0.0.1:9/x"):
        assert text in heard
