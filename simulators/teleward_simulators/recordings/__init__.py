"""Excerpts of real recordings, shipped with source and licence (see data/NOTICE)."""
