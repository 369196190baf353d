"""The HTTP API and the live stream of the gateway."""
