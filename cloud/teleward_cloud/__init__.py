"""Records on their way out: MQTT, InfluxDB, FHIR and the collector."""
