"""Bluetooth Low Energy devices: one file a protocol, decode, encode and driver together."""
