"""All sinks that carry alarms to people, from the settings."""

from collections.abc import Callable

from teleward_cloud.alarms.escalation import Escalation
from teleward_cloud.alarms.settings import AlarmDeliverySettings
from teleward_cloud.alarms.sinks import Audit, CommandHookSink
from teleward_cloud.sink import Sink
from teleward_signal.record import Draft


def alarm_sinks(
    settings: AlarmDeliverySettings, append: Callable[[Draft], object], audit: Audit
) -> list[Sink]:
    """Return the configured sinks; ``append`` is the journal's.

    Without any target there is no escalation but to MQTT and the dashboard, which show its steps.
    """
    sinks: list[Sink] = [CommandHookSink(command, audit) for command in settings.commands]
    if settings.webhooks:
        # its HTTP client costs 20 MB, which a gateway without webhooks does not load
        from teleward_cloud.alarms.webhook import WebhookSink

        sinks += [WebhookSink(webhook, audit) for webhook in settings.webhooks]
    if settings.escalation.enabled:
        sinks.append(Escalation(settings.escalation, append, audit))
    return sinks
