"""The process: supervisor, child processes, logs."""
