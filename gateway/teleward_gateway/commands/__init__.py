"""One module a command; see `teleward_gateway.__main__`."""
