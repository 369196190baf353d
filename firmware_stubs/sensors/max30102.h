/* The red and infrared light of a MAX30102 (Analog Devices data sheet 19-7740), 100 samples a second.
 * It samples by its own clock into a memory of 32 samples. */
#ifndef TELEWARD_MAX30102_H
#define TELEWARD_MAX30102_H

#include <stdbool.h>
#include <stdint.h>

#define MAX30102_PERIOD_MS 10U

/* False: there is none at the bus. */
bool max30102_begin(void);

/* Say how many samples wait and how many it threw away; false: no answer. */
bool max30102_waiting(uint8_t *n_waiting, uint8_t *n_lost);

/* Take the oldest sample: counts of 18 bits. */
bool max30102_take(int32_t *red, int32_t *infrared);

#endif
