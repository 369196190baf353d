#include "encoder.h"

#include <string.h>

#include "crc16.h"

#define TEXT_MOST 40U /* bytes of one text of HELLO */

/* The protocol's f32 is the bits of a C float. */
typedef char float_is_32_bits[(sizeof(float) == sizeof(uint32_t)) ? 1 : -1];

void encoder_begin(struct encoder *encoder, struct ring *out)
{
    encoder->out = out;
    encoder->sequence = 0;
    encoder->crc = CRC16_START;
}

static void put8(struct encoder *encoder, uint8_t byte)
{
    encoder->crc = crc16_update(encoder->crc, byte);
    (void)ring_put(encoder->out, byte); /* room for the whole frame was seen by begin_frame */
}

static void put16(struct encoder *encoder, uint16_t value)
{
    put8(encoder, (uint8_t)(value & 0xFFU));
    put8(encoder, (uint8_t)(value >> 8));
}

static void put32(struct encoder *encoder, uint32_t value)
{
    put16(encoder, (uint16_t)(value & 0xFFFFU));
    put16(encoder, (uint16_t)(value >> 16));
}

static void put_float(struct encoder *encoder, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put32(encoder, bits);
}

static bool begin_frame(struct encoder *encoder, uint8_t type, uint16_t length, uint32_t time_ms)
{
    if (length > MAX_PAYLOAD || ring_room(encoder->out) < OVERHEAD + length) {
        return false;
    }
    (void)ring_put(encoder->out, SYNC_0);
    (void)ring_put(encoder->out, SYNC_1);
    encoder->crc = CRC16_START;
    put8(encoder, (uint8_t)length);
    put8(encoder, type);
    put8(encoder, encoder->sequence);
    put32(encoder, time_ms);
    return true;
}

static bool end_frame(struct encoder *encoder)
{
    uint16_t crc = encoder->crc;
    (void)ring_put(encoder->out, (uint8_t)(crc & 0xFFU));
    (void)ring_put(encoder->out, (uint8_t)(crc >> 8));
    encoder->sequence++;
    return true;
}

/* Bytes of text that fit into `most`, never cutting a UTF-8 character in two. */
static uint8_t fitting(const char *text, uint8_t most)
{
    size_t length = strlen(text);
    if (length <= most) {
        return (uint8_t)length;
    }
    uint8_t cut = most;
    while (cut > 0 && ((uint8_t)text[cut] & 0xC0U) == 0x80U) {
        cut--;
    }
    return cut;
}

static void put_bytes(struct encoder *encoder, const char *text, uint8_t length)
{
    for (uint8_t i = 0; i < length; i++) {
        put8(encoder, (uint8_t)text[i]);
    }
}

bool encode_hello(struct encoder *encoder, uint32_t time_ms, uint8_t n_streams,
                  uint16_t capabilities, const struct identity *identity)
{
    const char *const texts[4] = {identity->maker, identity->model, identity->serial,
                                  identity->firmware};
    uint16_t length = 8; /* version, n_streams, capabilities, four lengths */
    for (uint8_t i = 0; i < 4; i++) {
        length = (uint16_t)(length + fitting(texts[i], TEXT_MOST));
    }
    if (!begin_frame(encoder, FRAME_HELLO, length, time_ms)) {
        return false;
    }
    put8(encoder, PROTOCOL_VERSION);
    put8(encoder, n_streams);
    put16(encoder, capabilities);
    for (uint8_t i = 0; i < 4; i++) {
        uint8_t size = fitting(texts[i], TEXT_MOST);
        put8(encoder, size);
        put_bytes(encoder, texts[i], size);
    }
    return end_frame(encoder);
}

bool encode_stream(struct encoder *encoder, uint32_t time_ms, uint8_t stream, uint8_t sample_size,
                   uint32_t rate_mhz, const struct channel *channels, uint8_t n_channels)
{
    if (!begin_frame(encoder, FRAME_STREAM, (uint16_t)(8U + 10U * n_channels), time_ms)) {
        return false;
    }
    put8(encoder, stream);
    put8(encoder, sample_size);
    put8(encoder, n_channels);
    put8(encoder, 0);
    put32(encoder, rate_mhz);
    for (uint8_t i = 0; i < n_channels; i++) {
        put16(encoder, channels[i].metric);
        put_float(encoder, channels[i].scale);
        put_float(encoder, channels[i].offset);
    }
    return end_frame(encoder);
}

bool encode_samples(struct encoder *encoder, uint32_t time_ms, uint8_t stream, uint32_t index,
                    struct ring *samples, uint8_t count, uint8_t sample_bytes)
{
    uint16_t size = (uint16_t)((uint16_t)count * sample_bytes);
    if (count == 0 || size > ring_used(samples)
        || !begin_frame(encoder, FRAME_SAMPLES, (uint16_t)(6U + size), time_ms)) {
        return false;
    }
    put8(encoder, stream);
    put8(encoder, count);
    put32(encoder, index);
    for (; size > 0; size--) {
        uint8_t byte = 0;
        (void)ring_get(samples, &byte);
        put8(encoder, byte);
    }
    return end_frame(encoder);
}

bool encode_status(struct encoder *encoder, uint32_t time_ms, uint8_t battery_percent,
                   uint16_t faults)
{
    if (!begin_frame(encoder, FRAME_STATUS, 3, time_ms)) {
        return false;
    }
    put8(encoder, battery_percent);
    put16(encoder, faults);
    return end_frame(encoder);
}

bool encode_numerics(struct encoder *encoder, uint32_t time_ms, uint8_t flags, uint64_t utc_ms,
                     const struct numeric *values, uint8_t n_values)
{
    bool has_utc = (flags & (uint8_t)NUMERICS_HAS_UTC) != 0;
    uint16_t length = (uint16_t)(1U + (has_utc ? 8U : 0U) + 8U * n_values);
    if (n_values == 0 || !begin_frame(encoder, FRAME_NUMERICS, length, time_ms)) {
        return false;
    }
    put8(encoder, flags);
    if (has_utc) {
        put32(encoder, (uint32_t)(utc_ms & 0xFFFFFFFFU));
        put32(encoder, (uint32_t)(utc_ms >> 32));
    }
    for (uint8_t i = 0; i < n_values; i++) {
        put16(encoder, values[i].metric);
        put8(encoder, values[i].quality_percent);
        put8(encoder, values[i].reason);
        put_float(encoder, values[i].reason == (uint8_t)REASON_NONE ? values[i].value : 0.0F);
    }
    return end_frame(encoder);
}

bool encode_text(struct encoder *encoder, uint32_t time_ms, uint8_t severity, const char *text)
{
    uint8_t size = fitting(text, MAX_PAYLOAD - 1U);
    if (!begin_frame(encoder, FRAME_TEXT, (uint16_t)(1U + size), time_ms)) {
        return false;
    }
    put8(encoder, severity);
    put_bytes(encoder, text, size);
    return end_frame(encoder);
}

bool encode_reply(struct encoder *encoder, uint32_t time_ms, uint8_t command, uint8_t sequence,
                  uint8_t result)
{
    if (!begin_frame(encoder, FRAME_REPLY, 3, time_ms)) {
        return false;
    }
    put8(encoder, command);
    put8(encoder, sequence);
    put8(encoder, result);
    return end_frame(encoder);
}
