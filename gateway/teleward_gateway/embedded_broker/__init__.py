"""An MQTT broker for those who have none: a child process that lives and dies with the gateway."""
