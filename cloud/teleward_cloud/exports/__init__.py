"""Exports: records in, bytes of files out; one writer for each format. No I/O, no clock."""
