"""MQTT: topics, payloads, the connection and the sink."""
