"""The demo: a simulated ward in one process, the gateway exactly as shipped in another."""
