"""Bits that simulated devices set, copied from the published tables and never from the drivers.

A simulator that takes its flags from the driver that reads them agrees with any mistake of it.
`tests/simulators/test_published.py` compares these with the SIG's field files and with an
independent decoder. Sources: Bluetooth SIG GSS (blood pressure, glucose, CGM), PLXS 1.0.1 section
3.2.1.4, Nonin document 113142-000-02, TaiDoc's protocol of its glucose meters.
"""

CUFF_TOO_LOOSE = 1 << 1

GLUCOSE = {
    "battery low": 1 << 0,
    "sensor malfunction": 1 << 1,
    "sample size insufficient": 1 << 2,
    "strip insertion error": 1 << 3,
    "strip type incorrect": 1 << 4,
    "sensor result too high": 1 << 5,
    "sensor result too low": 1 << 6,
    "sensor temperature too high": 1 << 7,
    "sensor temperature too low": 1 << 8,
    "sensor read interrupted": 1 << 9,
    "general device fault": 1 << 10,
    "time fault": 1 << 11,
}
CONTROL_SOLUTION_TYPE, CONTROL_SOLUTION_LOCATION = 0xA, 0x4

TAIDOC_CONTROL_SOLUTION = 3
"""Kind of a glucose in bits 2 to 5 of the last byte: 0 general, 1 before, 2 after a meal, 3 QC."""

CGM_SENSOR_MALFUNCTION = 1 << 3

ONGOING, EARLY_ESTIMATE = 1 << 5, 1 << 6
FULLY_QUALIFIED, FROM_STORAGE = 1 << 8, 1 << 9
LOW_PERFUSION, UNCONNECTED = 1 << 5, 1 << 11

NONIN_CORRECT_CHECK, NONIN_LOW_BATTERY = 0x10, 0x20
