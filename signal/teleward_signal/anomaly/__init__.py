"""Slow deterioration against a person's own usual values, on a stream, in constant memory."""
