"""Bytes of BLE and serial vital-sign devices in, samples and measurements in physical units out."""
