/* A device: what it says by itself, how it answers, and its streams of samples.
 *
 *   device_tick (interrupt)          device_run (main loop)              device_transmit (interrupt)
 *   sample() -> ring of the stream -> SAMPLES frames -> ring of bytes -> port
 *   port -> device_receive (interrupt) -> ring of bytes -> commands -> REPLY
 *
 * A sample that finds no room is lost and counted: its index is used up, the run before it is sent
 * to its end, and the next run starts with the right index. Nothing is ever repeated or bridged.
 *
 *                     START                       a sample is lost
 *     +---------+ ------------> +---------+ -----------------------> +--------+
 *     | stopped |               | running |                          | broken | samples are counted,
 *     +---------+ <------------ +---------+ <----------------------- +--------+ not stored
 *                     STOP                   the run before is sent               */
#ifndef TELEWARD_DEVICE_H
#define TELEWARD_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"
#include "encoder.h"
#include "protocol.h"

#define MAX_STREAMS 2U
#define MAX_CHANNELS 3U

/* What a stream is; the rate is 1000 / period_ms Hz. */
struct stream {
    const struct channel *channels;
    uint8_t n_channels;
    uint8_t sample_size;         /* of one count: 2 or 4 bytes */
    bool own_clock;              /* the sensor decides when: the program calls device_push */
    uint16_t period_ms;
    uint16_t shortest_period_ms; /* what SET_RATE may choose */
    uint16_t longest_period_ms;
    volatile uint8_t *bytes; /* room for samples until they are sent, a power of two */
    uint8_t mask;            /* that size - 1 */
};

#define MAKER "Teleward"
#define FIRMWARE_VERSION "0.1.0"

struct program {
    const char *model;
    const char *notice; /* said with HELLO, or NULL */
    const struct stream *streams;
    uint8_t n_streams;
    uint16_t capabilities;
    /* In the interrupt: the counts of the moment; at_ms is index x period. False: no sample. */
    bool (*sample)(uint8_t stream, uint32_t at_ms, int32_t *counts);
    /* Order one measurement of the metric; NULL when there is none. */
    enum result (*measure)(uint16_t metric);
    /* The faults of the sensor now; NULL when it has none. */
    uint16_t (*faults)(void);
};

/* Forget everything and be this device; before interrupts are let in. */
void device_begin(const struct program *program, enum reset_cause cause);

/* From interrupts. */
void device_tick(void);
void device_receive(uint8_t byte);
bool device_transmit(uint8_t *byte);

/* From the main loop, after each interrupt: obey, answer, send. */
void device_run(void);

/* Milliseconds since the start; wraps after 49.7 days. */
uint32_t device_now_ms(void);

/* Time of day as the host set it; false when it never did. */
bool device_utc_ms(uint64_t *utc_ms);

/* From the main loop: a sample of a stream with its own clock, or n that the sensor lost. */
void device_push(uint8_t stream, const int32_t *counts);
void device_lose(uint8_t stream, uint8_t n_samples);

/* From the main loop: send values; false: no room now, try later. */
bool device_numerics(const struct numeric *values, uint8_t n_values);

#endif
