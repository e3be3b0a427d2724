"""What is counted, for Prometheus. Names and labels are documented in docs/metrics.md."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.domain.changes import Changes
from gateway.domain.counts import Counts
from gateway.domain.health import Health

SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600)


class Metrics:
    """All metrics of one gateway, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.arrivals = Counter(
            "gateway_arrivals_accepted", "Arrivals stored durably.", ["source"], registry=registry
        )
        self.messages = Counter(
            "gateway_messages", "Messages stored.", ["channel", "direction"], registry=registry
        )
        self.conversations = Counter(
            "gateway_conversations_opened", "Conversations opened.", registry=registry
        )
        self.duplicates = Counter(
            "gateway_duplicates", "Arrivals of a message that was stored before.",
            registry=registry,
        )  # fmt: skip
        self.quarantined = Counter(
            "gateway_arrivals_quarantined", "Arrivals put into quarantine.", ["code"],
            registry=registry,
        )  # fmt: skip
        self.deliveries = Counter(
            "gateway_delivery_attempts", "Attempts at deliveries, by outcome.",
            ["target", "outcome"], registry=registry,
        )  # fmt: skip
        self.delivered_seconds = Histogram(
            "gateway_delivery_seconds", "From the making of a delivery to its success.",
            ["target"], buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.expired = Counter(
            "gateway_retention_removed", "Records removed because their time was over.", ["what"],
            registry=registry,
        )  # fmt: skip
        self.hook_failures = Counter(
            "gateway_hook_failures", "Hooks that raised or ran past their deadline.",
            ["plugin", "hook"], registry=registry,
        )  # fmt: skip
        self.waiting = Gauge(
            "gateway_arrivals_waiting", "Arrivals stored and not yet worked on.",
            registry=registry,
        )  # fmt: skip
        self.in_quarantine = Gauge(
            "gateway_quarantine", "Arrivals resting in quarantine.", registry=registry
        )
        self.outbox = Gauge(
            "gateway_deliveries", "Deliveries not finished, by target and state.",
            ["target", "state"], registry=registry,
        )  # fmt: skip
        self.oldest = Gauge(
            "gateway_oldest_seconds", "Age of the oldest that waits.", ["what"], registry=registry
        )
        self.process = Gauge(
            "gateway_process", "Always 1: which of several processes this is.",
            ["process", "worker"], registry=registry,
        )  # fmt: skip
        self.partitions = Gauge(
            "gateway_partitions", "Partitions of the work that this process holds.",
            registry=registry,
        )  # fmt: skip
        self.part_up = Gauge(
            "gateway_part_up", "Whether a part is well.", ["part"], registry=registry
        )

    def notice(self, changes: Changes) -> None:
        """Count what a commit holds."""
        for message in changes.messages:
            if message.revision == 0:
                self.messages.labels(message.channel or "none", message.direction).inc()
        self.conversations.inc(sum(c.version == 1 for c in changes.conversations))
        self.duplicates.inc(
            sum(d.kind == "duplicate" and d.outcome != "kept" for d in changes.decisions)
        )
        for decision in changes.decisions:
            if decision.kind == "retention":
                for what, many in decision.facts.items():
                    self.expired.labels(what).inc(many)
        for _, reason in changes.quarantine:
            self.quarantined.labels(reason.code).inc()
        for delivery in changes.settled:
            outcome = delivery.history[-1].outcome if delivery.history else delivery.state
            self.deliveries.labels(delivery.target, outcome).inc()
            if delivery.state == "delivered" and delivery.settled_at is not None:
                took = (delivery.settled_at - delivery.made_at) / 1000
                self.delivered_seconds.labels(delivery.target).observe(took)

    def read(self, counts: Counts, parts: dict[str, Health], now: int) -> None:
        """Set the gauges from what waits and how the parts are."""
        self.waiting.set(counts.arrivals_waiting)
        self.in_quarantine.set(counts.arrivals_quarantined)
        self.outbox.clear()
        for state, found in (
            ("waiting", counts.deliveries_waiting), ("dead", counts.deliveries_dead),
            ("unknown", counts.deliveries_unknown),
        ):  # fmt: skip
            for target, number in found.items():
                self.outbox.labels(target, state).set(number)
        for what, oldest in (
            ("arrival", counts.oldest_arrival), ("delivery", counts.oldest_delivery),
        ):  # fmt: skip
            self.oldest.labels(what).set(0 if oldest is None else max(0, now - oldest) / 1000)
        for part, health in parts.items():
            self.part_up.labels(part).set(1 if health.well else 0)
