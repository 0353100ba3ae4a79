"""The shop simulator: a seeded world of customers and products whose history and live traffic are drawn from it.

Everything drawn for a period depends on the seed and that period alone, so the same day comes out the same whatever
was asked for around it.
"""

from ingestion.events.simulator.config import FraudConfig, ShopConfig, Troubles
from ingestion.events.simulator.live import TOPICS, LiveCounts, LiveEvents
from ingestion.events.simulator.shop import History, Shop

__all__ = ["TOPICS", "FraudConfig", "History", "LiveCounts", "LiveEvents", "Shop", "ShopConfig", "Troubles"]
