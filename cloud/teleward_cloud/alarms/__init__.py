"""Alarms to people: webhook, command hook, escalation."""
