"""Great Expectations' Data Docs as pages that need no network.

Its own pages load styles and scripts from seven hosts and are blank or bare without them. Here its site builder and
its content blocks are kept; the five templates that need those scripts are replaced by the ones beside this module.
"""

from html import escape
from importlib.resources import files
from typing import Any

from great_expectations.render.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2 import ChoiceLoader, FunctionLoader, pass_context

from expectations.site.markup import STYLE

_TEMPLATES = {
    "page.j2": "page.html",
    "index_page.j2": "page.html",
    "sidebar.j2": "sidebar.html",
    "collapse.j2": "collapse.html",
    "tabs.j2": "tabs.html",
    "bootstrap_table.j2": "bootstrap_table.html",
}


class _OfflineView:
    """Takes our templates first, and shows values as text: Great Expectations writes an observed `<b>` as markup."""

    def __init__(self, **directories: Any) -> None:
        super().__init__(**directories)
        self.env: Any
        self.env.globals["shared_style"] = STYLE
        self.env.loader = ChoiceLoader([FunctionLoader(_own_template), self.env.loader])

    @pass_context
    def render_content_block(self, context: Any, content_block: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(content_block, str):
            return escape(content_block)
        return super().render_content_block(context, content_block, *arguments, **options)  # type: ignore[misc]


class PageView(_OfflineView, DefaultJinjaPageView):
    """A validation result or a suite."""


class IndexView(_OfflineView, DefaultJinjaIndexPageView):
    """The list of validation results and suites."""


def _own_template(name: str) -> str | None:
    return (
        files(__name__).joinpath(_TEMPLATES[name]).read_text(encoding="utf-8") if name in _TEMPLATES else None
    )
