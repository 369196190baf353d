"""The probes of the parts every gateway has: journal, sinks, disk, loop."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

from teleward_cloud.sink import SinkCounters
from teleward_gateway.delivery import DeliveryStatus
from teleward_gateway.journal.stats import JournalStats, SinkStats

_LOW_DISK = 200 * 2**20
"""With less the system itself starts to fail (logs, package updates)."""
_LAG_EVERY_S = 0.5
_SLOW_LOOP_S = 0.5
"""A loop that is late by this delays alarms by as much."""


def journal_health(stats: JournalStats) -> dict[str, Any]:
    """Return whether the journal writes, how full it is, and what it had to give up."""
    return {
        "ok": stats.problem is None,
        "error": stats.problem,
        "journal": stats.journal,
        "records": stats.records,
        "bytes": stats.file_bytes,
        "max_bytes": stats.max_bytes,
        "queued": stats.queued,
        "commits_total": stats.commits,
        "last_commit_s": stats.last_commit_s,
        "longest_commit_s": stats.longest_commit_s,
        "loss_window_s": stats.loss_window_s,
        "healed_total": stats.healed,
        "expired_total": stats.expired,
        "lost_total": stats.lost.total,
        "lost_queue_total": sum(stats.lost.queue.values()),
        "lost_damage_total": stats.lost.damage,
        "lost_budget_total": stats.lost.budget,
    }


def sink_health(
    journal: JournalStats,
    sink: SinkStats,
    delivery: DeliveryStatus,
    counters: SinkCounters,
) -> dict[str, Any]:
    """Health of one sink: its backlog and how its server answers.

    ``backlog_bytes`` is the backlog's share of the journal's pages.
    """
    share = sink.pending / journal.records if journal.records else 0.0
    return {
        "ok": delivery.error is None,
        "error": delivery.error,
        "backlog_records": sink.pending,
        "backlog_bytes": round(min(1.0, share) * journal.file_bytes),
        "backlog_age_s": round(sink.oldest_age_s or 0.0, 3),
        "retry_in_s": round(delivery.retry_in_s, 3),
        "batches_total": delivery.batches,
        "failures_total": delivery.failures,
        "sent_total": counters.sent,
        "acknowledged_total": sink.acknowledged,
        "dead_letters_total": sink.dead_letter,
        "errors_total": counters.errors,
        **counters.detail,
    }


def disk_health(folder: Path) -> dict[str, Any]:
    """Health of the data folder: free space."""
    usage = shutil.disk_usage(folder)
    writable = os.access(folder, os.W_OK)
    low = usage.free < _LOW_DISK
    error = None if writable else f"{folder} is not writable"
    if low and writable:
        error = f"{usage.free // 2**20} MB free: delete files or lower journal.max_megabytes"
    return {
        "ok": writable and not low,
        "error": error,
        "free_bytes": usage.free,
        "size_bytes": usage.total,
    }


class LoopWatch:
    """Measures how late the asyncio loop runs its timers; `run` is its task."""

    def __init__(self) -> None:
        self.lag_s = 0.0
        self.longest_lag_s = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + _LAG_EVERY_S
            await asyncio.sleep(_LAG_EVERY_S)
            self.lag_s = max(0.0, loop.time() - due_s)
            self.longest_lag_s = max(self.longest_lag_s, self.lag_s)

    def health(self) -> dict[str, Any]:
        """Return the probe's answer."""
        slow = self.lag_s > _SLOW_LOOP_S
        return {
            "ok": not slow,
            "error": f"the gateway runs {self.lag_s:.1f} s late: too much work" if slow else None,
            "lag_s": round(self.lag_s, 4),
            "longest_lag_s": round(self.longest_lag_s, 4),
        }
