/* Signals that need no sensor, as functions of time alone, so that a listener can check each value.
 * tests/firmware/test_signals.py holds the same in Python. Every 16th beat of 0.8 s is alike, so a
 * lost or doubled beat shows. */
#ifndef TELEWARD_TEST_SIGNAL_H
#define TELEWARD_TEST_SIGNAL_H

#include <stdint.h>

/* Counts of the 10-bit ECG front end: baseline 512, R wave 341 counts (1 mV) or up to 60 more. */
int32_t test_ecg(uint32_t at_ms);

/* 18-bit counts of red and infrared light; 1 % and 2 % pulse, ratio of ratios 0.5. */
void test_ppg(uint32_t at_ms, int32_t *red, int32_t *infrared);

/* 1/256 degree Celsius: 36.6 and up to 0.25 more, up and down in 64 s. */
int16_t test_temperature(uint32_t at_ms);

#endif
