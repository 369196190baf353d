/* The device of two streams that the tests of device.c run: one sampled every 4 ms, whose count is its
 * time, and one with a clock of its own. What its sensors say is set here. */
#ifndef TELEWARD_UNIT_DEVICE_H
#define TELEWARD_UNIT_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct unit_device {
    bool has_sample;
    uint16_t fault;
    uint16_t measured; /* the last metric it was told to measure */
};

extern struct unit_device unit_device;

/* Power it on after a brown-out, with nothing heard yet. */
void unit_device_begin(void);

/* Say a command and check its result. */
void order(uint8_t type, uint8_t sequence, const void *payload, uint8_t n, uint8_t result);
void set_rate(uint8_t sequence, uint8_t stream, uint32_t mhz, uint8_t result);

/* Little-endian numbers of a payload. */
uint32_t u32(const uint8_t *bytes);
int32_t s16(const uint8_t *bytes);

#endif
