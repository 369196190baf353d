/* The streams of a device: when a sample is due, where it waits, and how it leaves.
 * The state diagram is in device.h; the functions here are its arrows. */
#ifndef TELEWARD_STREAMS_H
#define TELEWARD_STREAMS_H

#include "device.h"

void streams_begin(const struct program *program);

/* One millisecond has passed; from the interrupt. */
void streams_tick(uint32_t now_ms);

/* A sample, or n lost ones; from one place for each stream, under lock or in the interrupt. */
void streams_push(uint8_t stream, const int32_t *counts, uint32_t now_ms);
void streams_lose(uint8_t stream, uint8_t n_samples);

/* One of RESULT_...; stream may be ALL_STREAMS. */
enum result streams_switch(uint8_t stream, bool on);
enum result streams_set_rate(uint8_t stream, uint32_t rate_mhz, struct encoder *encoder);

/* Send what is due; false: the way out is full. */
bool streams_send(struct encoder *encoder);

/* Describe one stream; false: the way out is full. */
bool streams_describe(uint8_t stream, struct encoder *encoder, uint32_t now_ms);

/* Whether samples found no room since this was last asked. */
bool streams_overrun(void);

#endif
