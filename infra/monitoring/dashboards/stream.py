"""Freshness, events, workers, durability."""

from typing import Final

from infra.monitoring.dashboard import Dashboard, Panel
from infra.monitoring.dashboards.queries import promises, quantile, rate

STREAM: Final = Dashboard(
    "stream",
    "Shop: stream",
    {
        "Promise": (
            *promises("stream_freshness"),
            Panel(
                "Event to readable",
                {
                    f"p{q * 100:g}": quantile(q, "shop_stream_freshness_seconds", "", "stream")
                    for q in (0.5, 0.99)
                },
                "s",
                limit=1,
                help="Without late events.",
            ),
            Panel(
                "Kafka to readable",
                {
                    f"p{q * 100:g}": quantile(q, "shop_stream_latency_seconds", "", "stream")
                    for q in (0.5, 0.99)
                },
                "s",
                help="Small here and large beside it: events come late to Kafka.",
            ),
        ),
        "Events": (
            Panel(
                "Messages read",
                {"{{topic}}": rate("shop_stream_messages_consumed_total", "topic", "stream")},
                "reqps",
            ),
            Panel("Not read yet", {"{{job}} {{topic}}": "stream:lag_messages:max"}, limit=20_000),
            Panel(
                "Put aside",
                {"{{topic}} {{kind}}": rate("shop_stream_dead_letters_total", "topic, kind", "stream")},
                "reqps",
            ),
            Panel("Late", {"{{topic}}": "stream:late_share:rate15m"}, "percentunit", limit=0.05),
            Panel(
                "Repeated",
                {"{{topic}}": rate("shop_stream_events_repeated_total", "topic", "stream")},
                "reqps",
            ),
            Panel(
                "Behind the watermark's clock",
                {"{{topic}}": 'time() - max by (topic) (shop_stream_watermark_seconds{job="stream"})'},
                "s",
            ),
        ),
        "Workers": (
            Panel(
                "Ready", {"workers": 'sum(shop_stream_ready{job="stream"})'}, kind="stat", limit=1, below=True
            ),
            Panel(
                "Leading",
                {"workers": 'sum(shop_stream_leads{job="stream"})'},
                kind="stat",
                limit=1,
                below=True,
            ),
            Panel("Shares of views", {"{{instance}}": 'sum by (instance) (shop_stream_units{job="stream"})'}),
            Panel(
                "Time by stage",
                {"{{stage}}": rate("shop_stream_stage_seconds_sum", "stage", "stream")},
                "percentunit",
                help="Share of a core; poll is waiting.",
            ),
            Panel(
                "Messages taken at once",
                {"p50": quantile(0.5, "shop_stream_batch_messages", "", "stream")},
            ),
            Panel(
                "Rows pushed", {"{{view}}": rate("shop_stream_rows_pushed_total", "view", "stream")}, "reqps"
            ),
            Panel(
                "Rows that wait",
                {"{{view}}": 'sum by (view) (shop_stream_boundary_rows_pending{job="stream"})'},
                limit=100_000,
            ),
            Panel("Entities", {"{{view}}": 'sum by (view) (shop_stream_state_keys{job="stream"})'}),
            Panel(
                "Memory of windows",
                {"{{view}}": 'sum by (view) (shop_stream_state_bytes{job="stream"})'},
                "bytes",
            ),
        ),
        "Durability": (
            Panel(
                "Rows archived",
                {
                    "{{job}} {{topic}}": "sum by (job, topic) (rate(shop_stream_archive_rows_total[$__rate_interval]))"
                },
                "reqps",
            ),
            Panel(
                "Age of the last snapshot",
                {"{{instance}}": 'shop_stream_snapshot_age_seconds{job="stream"}'},
                "s",
                limit=3600,
            ),
            Panel("Size of snapshots", {"{{instance}}": 'shop_stream_snapshot_bytes{job="stream"}'}, "bytes"),
        ),
    },
)
