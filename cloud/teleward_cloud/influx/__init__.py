"""InfluxDB: line protocol and the sink."""
