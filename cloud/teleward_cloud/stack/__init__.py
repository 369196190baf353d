"""A ready set of servers for Docker: mosquitto, InfluxDB 2, collectors, Grafana with dashboards."""
