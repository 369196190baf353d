"""The test kit: servers, links and feeds that tests and benchmarks start."""
