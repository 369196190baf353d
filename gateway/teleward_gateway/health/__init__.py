"""Is the gateway well: probes that its parts register, and what is made of them."""

from teleward_gateway.health.registry import HealthRegistry, Probe, merged, totals

__all__ = ["HealthRegistry", "Probe", "merged", "totals"]
