"""The pages: complete, linked, and in need of nothing from elsewhere."""

from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from feast import FeatureStore

from expectations.gate import BatchRefused, EventGate, FeatureGate
from expectations.reports import Reports
from expectations.settings import QualitySettings
from expectations.site.markup import SCRIPT
from tests.integration.expectations.frames import device_orders, orders

MARKUP = "<script>document.title = 'owned'</script>"


class Page(HTMLParser):
    """What a page links to and loads, its text, and how many scripts it runs."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        target = values.get("src") or values.get("href")
        if target and not target.startswith(("#", "data:")):
            (self.links if tag == "a" else self.loads).append(target)
        self.scripts += tag == "script"

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def site(store: FeatureStore, settings: QualitySettings) -> Path:
    """A clean batch, a failing one with markup for a product, and a feature batch with windows in the wrong order."""
    events = EventGate(settings)
    events(store, "orders", orders(), batch="clean")
    with pytest.raises(BatchRefused):
        events(store, "orders", orders().with_columns(device_id=pl.lit(MARKUP * 2)), batch="marked")
    view = store.get_stream_feature_view("spending")
    wrong = pl.DataFrame({"user_id": ["u"], "event_timestamp": device_orders(1)["event_timestamp"]})
    with pytest.raises(BatchRefused):
        FeatureGate(settings=settings)(view, wrong, store.registry, store.project)
    return Reports(settings).build().parent


def test_every_link_of_every_page_leads_to_a_page(site: Path) -> None:
    """The site links to the Data Docs, these to each other and back."""
    pages = list(site.glob("**/*.html"))
    assert len(pages) == 9 + 1 + 3 + 2
    for page in pages:
        for link in Page(page).links:
            assert link == "https://greatexpectations.io" or (page.parent / link).resolve().is_file(), (
                page,
                link,
            )


def test_pages_load_nothing_and_run_nothing(site: Path) -> None:
    """They are whole without a network, and nothing runs but the sorting of tables."""
    for path in site.glob("**/*.html"):
        page = Page(path)
        assert page.loads == []
        assert path.read_text().count(f"<script>{SCRIPT}</script>") == page.scripts


def test_the_page_of_a_failing_batch_shows_what_was_found(site: Path) -> None:
    """The value is there, as text."""
    (path,) = (p for p in site.glob("data_docs/validations/**/*.html") if p.stem == "marked")
    assert MARKUP in Page(path).text
    assert "must always be" in Page(path).text


def test_building_twice_adds_only_what_is_new(
    site: Path, store: FeatureStore, settings: QualitySettings
) -> None:
    """Pages that exist are left alone; the new one is listed everywhere."""
    before = {p: p.stat().st_mtime_ns for p in site.glob("data_docs/validations/**/*.html")}
    EventGate(settings)(store, "orders", orders(), batch="later")
    Reports(settings).build()
    after = {p: p.stat().st_mtime_ns for p in site.glob("data_docs/validations/**/*.html")}
    assert {p: t for p, t in after.items() if p in before} == before
    assert [p.stem for p in after if p not in before] == ["later"]
    assert "later" in Page(site / "data_docs" / "index.html").text
    assert "later" in Page(site / "quality.html").text


def test_a_site_of_nothing_can_be_built(settings: QualitySettings) -> None:
    """Before the first check there is a page that says so."""
    assert "Nothing has been checked yet" in Reports(settings).build().read_text()
