/* Frames out: every message of the device is written straight into a ring, its CRC on the way,
 * so that no frame is ever held in memory as a whole.
 *
 * A message is sent whole or not at all: each function answers false, and changes nothing, when
 * the ring has no room for the frame or the arguments make none. */
#ifndef TELEWARD_ENCODER_H
#define TELEWARD_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"
#include "ring.h"

struct encoder {
    struct ring *out;
    uint8_t sequence; /* of the next frame */
    uint16_t crc;
};

/* physical value = count x scale + offset, in the unit of the metric */
struct channel {
    uint16_t metric;
    float scale;
    float offset;
};

struct identity {
    const char *maker; /* each 40 bytes of UTF-8 at most; longer is cut */
    const char *model;
    const char *serial;
    const char *firmware;
};

void encoder_begin(struct encoder *encoder, struct ring *out);

bool encode_hello(struct encoder *encoder, uint32_t time_ms, uint8_t n_streams,
                  uint16_t capabilities, const struct identity *identity);

/* sample_size: 2 or 4 bytes; rate_mhz: samples a second x 1000 */
bool encode_stream(struct encoder *encoder, uint32_t time_ms, uint8_t stream, uint8_t sample_size,
                   uint32_t rate_mhz, const struct channel *channels, uint8_t n_channels);

/* Takes count samples of sample_bytes each out of `samples`, little endian; the ring must hold them. */
bool encode_samples(struct encoder *encoder, uint32_t time_ms, uint8_t stream, uint32_t index,
                    struct ring *samples, uint8_t count, uint8_t sample_bytes);

bool encode_status(struct encoder *encoder, uint32_t time_ms, uint8_t battery_percent,
                   uint16_t faults);

struct numeric {
    uint16_t metric;
    uint8_t quality_percent; /* or UNKNOWN */
    uint8_t reason;          /* with one, the value is sent as 0 */
    float value;
};

/* utc_ms is sent when flags hold NUMERICS_HAS_UTC. */
bool encode_numerics(struct encoder *encoder, uint32_t time_ms, uint8_t flags, uint64_t utc_ms,
                     const struct numeric *values, uint8_t n_values);

/* text: UTF-8, 239 bytes at most; longer is cut */
bool encode_text(struct encoder *encoder, uint32_t time_ms, uint8_t severity, const char *text);

bool encode_reply(struct encoder *encoder, uint32_t time_ms, uint8_t command, uint8_t sequence,
                  uint8_t result);

#endif
