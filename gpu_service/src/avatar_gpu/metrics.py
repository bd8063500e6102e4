"""Prometheus metrics of one app, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """The instruments. Safe to use from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.tasks = Counter(
            "avatar_gpu_tasks", "Tasks by kind and outcome", ["kind", "outcome"], registry=self.registry
        )
        self.rejected = Counter(
            "avatar_gpu_rejected", "Tasks answered 503 because every place was taken", registry=self.registry
        )
        self.running = Gauge("avatar_gpu_tasks_running", "Tasks at work", registry=self.registry)
        self.waiting = Gauge(
            "avatar_gpu_tasks_waiting", "Tasks that wait for a place", registry=self.registry
        )
        self.first_event = Histogram(
            "avatar_gpu_first_event_seconds",
            "From the request to its first event",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.stage = Counter(
            "avatar_gpu_stage_seconds", "Seconds of work by stage", ["stage"], registry=self.registry
        )
        self.frames = Counter("avatar_gpu_frames", "Frames encoded", registry=self.registry)
        self.enrolments = Counter(
            "avatar_gpu_enrolments",
            "Enrolments by kind and outcome",
            ["kind", "outcome"],
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
