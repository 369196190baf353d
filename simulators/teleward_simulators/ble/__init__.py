"""Simulated BLE peripherals, one file a kind; they encode with the codecs of the drivers."""
