#include "unit_device.h"

#include "check.h"
#include "device.h"
#include "listener.h"
#include "model_board.h"

struct unit_device unit_device;

static volatile uint8_t fast_bytes[128];
static volatile uint8_t own_bytes[64];
static const struct channel fast_channel[] = {{65, 0.5F, 1.0F}};
static const struct channel own_channels[] = {{70, 1, 0}, {71, 1, 0}};
static const struct stream streams[] = {
    {fast_channel, 1, 2, false, 4, 1, 1000, fast_bytes, sizeof fast_bytes - 1},
    {own_channels, 2, 4, true, 10, 10, 10, own_bytes, sizeof own_bytes - 1},
};

static bool sample(uint8_t stream, uint32_t at_ms, int32_t *counts)
{
    CHECK(stream == 0);
    counts[0] = (int32_t)(at_ms & 0x7FFF);
    return unit_device.has_sample;
}

static enum result measure(uint16_t metric)
{
    unit_device.measured = metric;
    return RESULT_DONE;
}

static uint16_t faults(void)
{
    return unit_device.fault;
}

static const struct program two_streams = {
    .model = "unit",
    .notice = "notice",
    .streams = streams,
    .n_streams = 2,
    .capabilities = CAN_SET_TIME | CAN_SET_RATE | CAN_MEASURE,
    .sample = sample,
    .measure = measure,
    .faults = faults,
};

void unit_device_begin(void)
{
    model_board_begin();
    listen_afresh();
    unit_device = (struct unit_device){.has_sample = true};
    device_begin(&two_streams, CAUSE_BROWN_OUT);
}

uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
           | (uint32_t)bytes[3] << 24;
}

int32_t s16(const uint8_t *bytes)
{
    return (int16_t)(uint16_t)(bytes[0] | bytes[1] << 8);
}

void order(uint8_t type, uint8_t sequence, const void *payload, uint8_t n, uint8_t result)
{
    say(type, sequence, payload, n);
    CHECK(reply_to(type, sequence) == result);
}

void set_rate(uint8_t sequence, uint8_t stream, uint32_t mhz, uint8_t result)
{
    uint8_t payload[5] = {stream, (uint8_t)mhz, (uint8_t)(mhz >> 8), (uint8_t)(mhz >> 16),
                          (uint8_t)(mhz >> 24)};
    order(FRAME_SET_RATE, sequence, payload, 5, result);
}
