/* The temperature of a MAX30205 (Analog Devices data sheet 19-8652): 0.1 degree between 37 and 39.
 * A TMP105 or LM75 answers alike, less exactly. */
#ifndef TELEWARD_MAX30205_H
#define TELEWARD_MAX30205_H

#include <stdbool.h>
#include <stdint.h>

/* 1/256 degree Celsius; false: no answer. */
bool max30205_read(int16_t *temperature);

#endif
