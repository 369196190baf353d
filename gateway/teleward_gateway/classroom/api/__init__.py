"""HTTP API of the classroom."""
