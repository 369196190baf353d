#include "device.h"

#include <stddef.h>

#include "receiver.h"
#include "streams.h"

#define STREAM_EVERY_MS 2000U  /* a host may join late: duty 1 of drivers/PROTOCOL.md */
#define STATUS_EVERY_MS 10000U /* the same */
#define STATUS_LEAST_MS 500U   /* a loose electrode must not fill the port with its news */
#define SILENCE_MS 50U         /* 576 bytes at 115200 baud: no command is that slow */
#define BLINK_MS 2000U         /* long enough to find the device in a row of ten */
#define LAST_UTC_MS_HIGH 2095U /* upper half of 9e12 ms, the year 2255; later ones are nonsense */

enum due { DUE_HELLO = 1, DUE_CAUSE = 2, DUE_NOTICE = 4, DUE_STATUS = 8, DUE_REPLY = 16 };

static const struct program *program;
static struct encoder encoder;
static struct receiver receiver;
static struct ring outgoing;
static struct ring incoming;
static volatile uint8_t outgoing_bytes[256]; /* the longest frame is 251 */
static volatile uint8_t incoming_bytes[64];  /* what a host says on connecting is 42 */
static volatile uint32_t now_ms;

static uint8_t due; /* enum due */
static uint8_t streams_due; /* a bit for each STREAM */
static enum reset_cause cause;
static struct {
    uint8_t command, sequence, result;
} reply;
static uint16_t faults;
static bool lit;
static bool has_utc;
static uint64_t utc_at_zero_ms;
static uint32_t described_ms, status_ms, heard_ms, lit_ms;

void device_begin(const struct program *of, enum reset_cause why)
{
    program = of;
    cause = why;
    ring_begin(&outgoing, outgoing_bytes, sizeof outgoing_bytes - 1U);
    ring_begin(&incoming, incoming_bytes, sizeof incoming_bytes - 1U);
    encoder_begin(&encoder, &outgoing);
    receiver_begin(&receiver);
    streams_begin(program);
    now_ms = 0;
    described_ms = status_ms = heard_ms = lit_ms = 0;
    due = DUE_HELLO | DUE_CAUSE | DUE_NOTICE | DUE_STATUS;
    streams_due = (uint8_t)((1U << program->n_streams) - 1U);
    faults = FAULT_CLOCK_NOT_SET;
    lit = false;
    has_utc = false;
}

void device_tick(void)
{
    now_ms++;
    streams_tick(now_ms);
}

void device_receive(uint8_t byte)
{
    (void)ring_put(&incoming, byte); /* what finds no room fails the CRC of its frame */
}

bool device_transmit(uint8_t *byte)
{
    return ring_get(&outgoing, byte);
}

uint32_t device_now_ms(void)
{
    board_lock();
    uint32_t now = now_ms;
    board_unlock();
    return now;
}

bool device_utc_ms(uint64_t *utc_ms)
{
    *utc_ms = utc_at_zero_ms + device_now_ms();
    return has_utc;
}

void device_push(uint8_t stream, const int32_t *counts)
{
    board_lock();
    streams_push(stream, counts, now_ms);
    board_unlock();
}

void device_lose(uint8_t stream, uint8_t n_samples)
{
    board_lock();
    streams_lose(stream, n_samples);
    board_unlock();
}

bool device_numerics(const struct numeric *values, uint8_t n_values)
{
    bool sent = encode_numerics(&encoder, device_now_ms(), 0, 0, values, n_values);
    board_transmit();
    return sent;
}

static enum result set_time(const uint8_t *payload)
{
    uint32_t high = payload_u32(payload + 4);
    if (high > LAST_UTC_MS_HIGH) {
        return RESULT_BAD_ARGUMENT;
    }
    utc_at_zero_ms = ((uint64_t)high << 32 | payload_u32(payload)) - device_now_ms();
    has_utc = true;
    return RESULT_DONE;
}

/* Send every STREAM that is due; false: no room. */
static bool describe(uint32_t now)
{
    for (uint8_t i = 0; i < program->n_streams; i++) {
        if ((streams_due >> i & 1U) != 0) {
            if (!streams_describe(i, &encoder, now)) {
                return false;
            }
            streams_due = (uint8_t)(streams_due & ~(1U << i));
            described_ms = now;
        }
    }
    return true;
}

static enum result set_rate(const uint8_t *payload)
{
    if ((program->capabilities & (uint16_t)CAN_SET_RATE) == 0) {
        return RESULT_NOT_SUPPORTED;
    }
    if (!describe(device_now_ms())) {
        return RESULT_BUSY; /* samples of the last rate may not leave before its own STREAM */
    }
    enum result result = streams_set_rate(payload[0], payload_u32(payload + 1), &encoder);
    if (result == RESULT_DONE) {
        streams_due = (uint8_t)(streams_due | 1U << payload[0]);
    }
    return result;
}

static enum result identify(void)
{
    due |= (uint8_t)(DUE_HELLO | DUE_NOTICE);
    streams_due = (uint8_t)((1U << program->n_streams) - 1U);
    lit = true;
    lit_ms = device_now_ms();
    board_light(true);
    return RESULT_DONE;
}

static enum result obey(const struct command *command)
{
    const uint8_t *payload = command->payload;
    switch (command->type) {
    case FRAME_IDENTIFY:
        return identify();
    case FRAME_START:
        return streams_switch(payload[0], true);
    case FRAME_STOP:
        return streams_switch(payload[0], false);
    case FRAME_SET_TIME:
        return set_time(payload);
    case FRAME_SET_RATE:
        return set_rate(payload);
    case FRAME_MEASURE:
        if (program->measure == NULL) {
            return RESULT_NOT_SUPPORTED;
        }
        return program->measure((uint16_t)(payload[0] | (uint16_t)((uint16_t)payload[1] << 8)));
    default:
        return RESULT_UNKNOWN_COMMAND;
    }
}

/* One command at a time: its REPLY leaves before the next is heard. */
static bool answer(uint32_t now)
{
    if ((due & (uint8_t)DUE_REPLY) != 0) {
        if (!encode_reply(&encoder, now, reply.command, reply.sequence, reply.result)) {
            return false;
        }
        due &= (uint8_t)~(unsigned)DUE_REPLY;
    }
    return true;
}

static void take(const struct command *command)
{
    reply.command = command->type;
    reply.sequence = command->sequence;
    reply.result = (uint8_t)obey(command);
    due |= (uint8_t)DUE_REPLY;
}

static void listen(uint32_t now)
{
    struct command command;
    while (answer(now)) {
        uint8_t byte;
        if (receiver_next(&receiver, &command)) {
            take(&command);
        } else if (ring_get(&incoming, &byte)) {
            heard_ms = now;
            if (receiver_feed(&receiver, byte, &command)) {
                take(&command);
            }
        } else if (now - heard_ms >= SILENCE_MS && receiver_flush(&receiver, &command)) {
            take(&command);
        } else {
            return;
        }
    }
}

/* Short: on an AVR these lie in RAM. */
static const char *cause_text(void)
{
    switch (cause) {
    case CAUSE_POWER_ON:
        return "power on";
    case CAUSE_BUTTON:
        return "reset button";
    case CAUSE_BROWN_OUT:
        return "brown-out";
    case CAUSE_WATCHDOG:
        return "watchdog";
    default:
        return "started";
    }
}

static bool greet(uint32_t now)
{
    struct identity identity = {MAKER, program->model, board_serial(), FIRMWARE_VERSION};
    return encode_hello(&encoder, now, program->n_streams, program->capabilities, &identity);
}

/* Send one thing that is due; false: no room, so keep the order and wait. */
static bool send_due(uint32_t now, enum due what)
{
    bool sent = true;
    if ((due & (uint8_t)what) == 0) {
        return true;
    }
    switch (what) {
    case DUE_HELLO:
        sent = greet(now);
        break;
    case DUE_CAUSE:
        sent = encode_text(&encoder, now,
                           cause >= CAUSE_BROWN_OUT ? SEVERITY_WARNING : SEVERITY_INFORMATION,
                           cause_text());
        break;
    case DUE_NOTICE:
        sent = program->notice == NULL
               || encode_text(&encoder, now, SEVERITY_WARNING, program->notice);
        break;
    default: /* DUE_STATUS */
        sent = encode_status(&encoder, now, UNKNOWN, faults);
        status_ms = now;
        break;
    }
    if (sent) {
        due &= (uint8_t)~(unsigned)what;
    }
    return sent;
}

/* See what has become due by time. */
static void look_at_clock(uint32_t now)
{
    if (now - described_ms >= STREAM_EVERY_MS) {
        streams_due = (uint8_t)((1U << program->n_streams) - 1U);
    }
    if ((due & (uint8_t)DUE_STATUS) == 0 && now - status_ms >= STATUS_LEAST_MS) {
        uint16_t found = program->faults == NULL ? 0U : program->faults();
        found |= (uint16_t)(streams_overrun() ? FAULT_OVERRUN : 0);
        found |= (uint16_t)(has_utc ? 0 : FAULT_CLOCK_NOT_SET);
        if (found != faults || now - status_ms >= STATUS_EVERY_MS) {
            faults = found;
            due |= (uint8_t)DUE_STATUS;
        }
    }
    if (lit && now - lit_ms >= BLINK_MS) {
        lit = false;
        board_light(false);
    }
}

void device_run(void)
{
    uint32_t now = device_now_ms();
    look_at_clock(now);
    listen(now);
    /* STREAM before SAMPLES: the host must know how to read them */
    (void)(answer(now) && send_due(now, DUE_HELLO) && describe(now) && send_due(now, DUE_NOTICE)
           && send_due(now, DUE_CAUSE) && send_due(now, DUE_STATUS) && streams_send(&encoder));
    board_transmit();
}
