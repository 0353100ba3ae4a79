"""The summary page: every check in one table, plain HTML that a phone can show and that needs no network."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from string import Template
from typing import Any, Final

from expectations.kept import KeptCheck

_PAGE: Final = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Data quality</title>
<style>
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .5rem .6rem .5rem 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.passed { color: var(--good); } .failed { color: var(--bad); font-weight: 600; }
pre { overflow-x: auto; font-size: .8rem; margin: .4rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr { display: block; border-bottom: 2px solid var(--line); padding: .5rem 0; }
  td, td.number { display: flex; gap: 1rem; justify-content: space-between; text-align: right; border: 0; padding: .15rem 0; }
  td::before { content: attr(data-name); opacity: .7; }
  td.wide { display: block; text-align: left; }
}
</style>
</head>
<body>
<h1>Data quality</h1>
<p>$verdict Built $built. <a href="data_docs/index.html">Data Docs</a> hold every expectation of every check.</p>
<table>
<thead><tr><th>Suite</th><th>Batch</th><th>Result</th><th class="number">Rows</th><th class="number">Held</th>
<th class="number">Seconds</th><th>Time (UTC)</th></tr></thead>
<tbody>
$rows
</tbody>
</table>
</body>
</html>
""")


def summary_page(checks: Sequence[KeptCheck], built: datetime) -> str:
    """The page; `checks` are shown in the order given."""
    return _PAGE.substitute(
        verdict=_verdict(checks),
        built=f"{built:%F %T} UTC",
        rows="\n".join(_row(check) for check in checks),
    )


def _verdict(checks: Sequence[KeptCheck]) -> str:
    failed = sum(not check.success for check in checks)
    if not checks:
        return "Nothing has been checked yet."
    if not failed:
        return f'<span class="passed">All {len(checks)} checks passed.</span>'
    return f'<span class="failed">{failed} of {len(checks)} checks failed.</span>'


def _row(check: KeptCheck) -> str:
    word = "passed" if check.success else "failed"
    cells = [
        ("Suite", "", f'<a href="{escape(check.page)}">{escape(check.suite)}</a>'),
        ("Batch", "", escape(check.batch)),
        ("Result", "", f'<span class="{word}">{word}</span>'),
        ("Rows", "number", f"{check.rows:,}"),
        ("Held", "number", f"{check.passed} of {check.evaluated}"),
        ("Seconds", "number", f"{check.seconds:.2f}"),
        ("Time (UTC)", "", escape(f"{datetime.fromisoformat(check.time):%F %T}")),
    ]
    tds = "".join(f'<td class="{kind}" data-name="{name}">{text}</td>' for name, kind, text in cells)
    return f"<tr>{tds}</tr>" + _failures(check)


def _failures(check: KeptCheck) -> str:
    if check.success:
        return ""
    texts = "".join(f"<pre>{escape(_failure(failure))}</pre>" for failure in check.failures)
    return f'<tr><td class="wide" colspan="7"><details><summary>{len(check.failures)} failed</summary>{texts}</details></td></tr>'


def _failure(failure: Mapping[str, Any]) -> str:
    count = failure["unexpected_count"]
    lines = [
        f"{failure['expectation']}({failure['column']})",
        f"expected {dict(failure['expected'])}: {failure['reason']}",
        f"observed {failure['observed']}" + ("" if count is None else f" in {count:,} rows"),
    ]
    return "\n".join([*lines, *(f"  {example}" for example in failure["examples"])])
