/* What a program must have: programs/NAME.c. */
#ifndef TELEWARD_PROGRAM_H
#define TELEWARD_PROGRAM_H

#include "device.h"

/* 1: a built-in signal in place of the sensor, and the device says so. Decided when building, never
 * by the program at run time: a loose sensor must not turn into a healthy patient. */
#ifndef TEST_SIGNAL
#define TEST_SIGNAL 1
#endif

#define TEST_NOTICE "built-in test signal, not a patient"

extern const struct program program;

/* Wake the sensor; interrupts run already. */
void program_begin(void);

/* After each interrupt, in the main loop. */
void program_poll(void);

#endif
