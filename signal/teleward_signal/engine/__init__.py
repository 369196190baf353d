"""The engine: blocks of samples in, events and numerics out."""
