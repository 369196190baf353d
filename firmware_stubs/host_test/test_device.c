/* A device with two streams: what it says, obeys and does when the way out is full. */
#include <string.h>

#include "check.h"
#include "device.h"
#include "listener.h"
#include "model_board.h"

static volatile uint8_t fast_bytes[128];
static volatile uint8_t own_bytes[64];
static const struct channel fast_channel[] = {{65, 0.5F, 1.0F}};
static const struct channel own_channels[] = {{70, 1, 0}, {71, 1, 0}};
static const struct stream streams[] = {
    {fast_channel, 1, 2, false, 4, 1, 1000, fast_bytes, sizeof fast_bytes - 1},
    {own_channels, 2, 4, true, 10, 10, 10, own_bytes, sizeof own_bytes - 1},
};

static bool has_sample;
static uint16_t fault;
static uint16_t measured;

static bool sample(uint8_t stream, uint32_t at_ms, int32_t *counts)
{
    CHECK(stream == 0);
    counts[0] = (int32_t)(at_ms & 0x7FFF);
    return has_sample;
}

static enum result measure(uint16_t metric)
{
    measured = metric;
    return RESULT_DONE;
}

static uint16_t faults(void)
{
    return fault;
}

static const struct program program = {
    .model = "unit",
    .notice = "notice",
    .streams = streams,
    .n_streams = 2,
    .capabilities = CAN_SET_TIME | CAN_SET_RATE | CAN_MEASURE,
    .sample = sample,
    .measure = measure,
    .faults = faults,
};

static void begin(void)
{
    model_board_begin();
    listen_afresh();
    has_sample = true;
    fault = 0;
    device_begin(&program, CAUSE_BROWN_OUT);
}

static uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
           | (uint32_t)bytes[3] << 24;
}

static int32_t s16(const uint8_t *bytes)
{
    return (int16_t)(uint16_t)(bytes[0] | bytes[1] << 8);
}

static void order(uint8_t type, uint8_t sequence, const void *payload, uint8_t n, uint8_t result)
{
    say(type, sequence, payload, n);
    CHECK(reply_to(type, sequence) == result);
}

static void set_rate(uint8_t sequence, uint8_t stream, uint32_t mhz, uint8_t result)
{
    uint8_t payload[5] = {stream, (uint8_t)mhz, (uint8_t)(mhz >> 8), (uint8_t)(mhz >> 16),
                          (uint8_t)(mhz >> 24)};
    order(FRAME_SET_RATE, sequence, payload, 5, result);
}

static void on_power_it_says_who_it_is(void)
{
    static const uint8_t types[] = {FRAME_HELLO, FRAME_STREAM, FRAME_STREAM, FRAME_TEXT, FRAME_TEXT,
                                    FRAME_STATUS};
    struct heard heard;
    begin();
    pass_ms(2);
    for (size_t i = 0; i < sizeof types; i++) {
        CHECK(listen_frame(&heard) && heard.type == types[i] && heard.time_ms == 1);
        if (i == 3) {
            CHECK(heard.payload[0] == SEVERITY_WARNING && memcmp(heard.payload + 1, "notice", 6) == 0);
        } else if (i == 4) {
            CHECK(heard.payload[0] == SEVERITY_WARNING && memcmp(heard.payload + 1, "brown", 5) == 0);
        }
    }
    CHECK(!listen_frame(&heard));
}

static void streams_are_described_every_two_seconds_and_status_sent_every_ten(void)
{
    struct heard heard;
    int n_streams = 0, n_status = 0;
    begin();
    hush(1);
    for (int ms = 0; ms < 20100; ms++) {
        pass_ms(1);
        while (listen_frame(&heard)) {
            n_streams += heard.type == FRAME_STREAM;
            n_status += heard.type == FRAME_STATUS;
        }
    }
    CHECK(n_streams == 2 * 10 && n_status == 2);
}

static void samples_come_in_order_with_their_time(void)
{
    struct heard heard;
    uint32_t index = 0;
    uint8_t stream = 0;
    begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    while (index < 2500) {
        CHECK(await(FRAME_SAMPLES, 200, &heard));
        CHECK(heard.payload[0] == 0 && heard.payload[1] == 25 && u32(heard.payload + 2) == index);
        CHECK(heard.length == 6 + 50 && heard.time_ms == 10 + 4 * index);
        for (uint32_t i = 0; i < 25; i++, index++) {
            CHECK(s16(heard.payload + 6 + 2 * i) == (int32_t)(4 * index & 0x7FFF));
        }
    }
    order(FRAME_START, 2, &stream, 1, RESULT_DONE); /* already runs: goes on */
    order(FRAME_STOP, 3, &stream, 1, RESULT_DONE);
    order(FRAME_STOP, 4, &stream, 1, RESULT_DONE);
    hush(10);
    CHECK(!await(FRAME_SAMPLES, 300, &heard));
}

static void stopping_sends_the_last_samples_and_starting_counts_anew(void)
{
    struct heard heard;
    uint8_t all = ALL_STREAMS;
    begin();
    hush(5);
    order(FRAME_START, 1, &all, 1, RESULT_DONE);
    pass_ms(40);
    order(FRAME_STOP, 2, &all, 1, RESULT_DONE);
    CHECK(await(FRAME_SAMPLES, 5, &heard) && heard.payload[1] == 10 && u32(heard.payload + 2) == 0);
    order(FRAME_START, 3, &all, 1, RESULT_DONE);
    CHECK(await(FRAME_SAMPLES, 200, &heard) && u32(heard.payload + 2) == 0);
}

static void a_lost_sample_ends_the_run_and_the_index_tells(void)
{
    struct heard heard;
    uint8_t stream = 0;
    begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    pass_ms(39);
    has_sample = false;
    pass_ms(12);
    has_sample = true;
    CHECK(await(FRAME_SAMPLES, 5, &heard) && heard.payload[1] == 9 && u32(heard.payload + 2) == 0);
    CHECK(await(FRAME_SAMPLES, 200, &heard) && heard.payload[1] == 25 && u32(heard.payload + 2) == 12);
    CHECK(s16(heard.payload + 6) == 48);
}

static void a_full_port_loses_samples_but_never_lies(void)
{
    struct heard heard;
    uint8_t stream = 0;
    uint32_t index = 0;
    bool overrun = false, gap = false;
    begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    for (int stall = 0; stall < 3; stall++) {
        pass_ms(3000); /* nobody reads */
        for (int ms = 0; ms < 900; ms++) {
            pass_ms(1);
            while (listen_frame(&heard)) {
                overrun |= heard.type == FRAME_STATUS && (heard.payload[1] & FAULT_OVERRUN) != 0;
                if (heard.type != FRAME_SAMPLES) {
                    continue;
                }
                uint32_t first = u32(heard.payload + 2);
                CHECK(first >= index && heard.time_ms == 10 + 4 * first);
                gap |= first > index;
                for (uint32_t i = 0; i < heard.payload[1]; i++) {
                    CHECK(s16(heard.payload + 6 + 2 * i) == (int32_t)(4 * (first + i) & 0x7FFF));
                }
                index = first + heard.payload[1];
            }
        }
    }
    CHECK(overrun && gap);
    CHECK(await(FRAME_STATUS, 11000, &heard) && (heard.payload[1] & FAULT_OVERRUN) == 0);
}

static void the_rate_can_be_set_to_whole_milliseconds(void)
{
    struct heard heard;
    uint8_t stream = 0;
    begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    pass_ms(30);
    set_rate(2, 0, 500000, RESULT_DONE);
    CHECK(await(FRAME_STREAM, 5, &heard) && u32(heard.payload + 4) == 500000);
    CHECK(await(FRAME_SAMPLES, 200, &heard) && heard.payload[1] == 31); /* half of the ring */
    set_rate(3, 0, 1000, RESULT_DONE); /* one a second: each in a frame of its own */
    hush(20);
    CHECK(await(FRAME_SAMPLES, 1100, &heard) && heard.payload[1] == 1);
    set_rate(4, 0, 360000, RESULT_BAD_ARGUMENT);
    set_rate(5, 0, 0, RESULT_BAD_ARGUMENT);
    set_rate(6, 0, 500, RESULT_BAD_ARGUMENT);
    set_rate(7, 1, 200000, RESULT_BAD_ARGUMENT);
    set_rate(8, 1, 100000, RESULT_DONE);
    set_rate(9, 2, 100000, RESULT_BAD_ARGUMENT);
}

static void two_rates_at_once_are_each_described_before_their_samples(void)
{
    uint8_t stream = 0;
    uint8_t slow[5] = {0, 0x40, 0x42, 0x0F, 0}; /* 1000 Hz */
    uint8_t rate[5] = {0, 0x20, 0xA1, 7, 0};    /* 500 Hz */
    struct heard heard;
    uint32_t period_ms = 4;
    begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    hush(50);
    /* fill the port so that the first STREAM has no room, and let samples of its rate wait */
    struct numeric numerics[26] = {{6, 0, 0, 0}};
    CHECK(device_numerics(numerics, 20));
    say(FRAME_SET_RATE, 2, slow, 5);
    pass_ms(20);
    CHECK(listen_frame(&heard) && heard.type == FRAME_NUMERICS);
    say(FRAME_SET_RATE, 3, rate, 5);
    for (int ms = 0; ms < 500; ms++) {
        pass_ms(1);
        while (listen_frame(&heard)) {
            if (heard.type == FRAME_STREAM && heard.payload[0] == 0) {
                period_ms = 1000000U / u32(heard.payload + 4);
            } else if (heard.type == FRAME_SAMPLES) {
                CHECK(s16(heard.payload + 6) == (int32_t)(u32(heard.payload + 2) * period_ms));
            }
        }
    }
    CHECK(period_ms == 2);
}

static void a_full_port_makes_it_busy(void)
{
    uint8_t stream = 0;
    uint8_t rate[5] = {0, 0x20, 0xA1, 7, 0}; /* 500 Hz */
    begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    pass_ms(440); /* four frames fill the port, some samples wait */
    say(FRAME_SET_RATE, 2, rate, 5);
    pass_ms(1);
    CHECK(reply_to(FRAME_SET_RATE, 2) == RESULT_BUSY);
}

static void starting_again_before_the_last_samples_left_is_busy(void)
{
    uint8_t stream = 0, all = ALL_STREAMS;
    begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    pass_ms(420);
    say(FRAME_STOP, 2, &stream, 1); /* its REPLY still fits, then the port is full */
    pass_ms(1);
    say(FRAME_START, 3, &stream, 1);
    pass_ms(1);
    say(FRAME_START, 4, &all, 1);
    pass_ms(1);
    CHECK(reply_to(FRAME_STOP, 2) == RESULT_DONE);
    CHECK(reply_to(FRAME_START, 3) == RESULT_BUSY);
    CHECK(reply_to(FRAME_START, 4) == RESULT_BUSY);
}

static void a_stream_with_its_own_clock_is_pushed(void)
{
    struct heard heard;
    uint8_t stream = 1;
    int32_t counts[2] = {-5, 200000};
    begin();
    hush(5);
    device_push(1, counts); /* stopped: nothing comes of it */
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    for (int i = 0; i < 3; i++) {
        device_push(1, counts);
        pass_ms(10);
    }
    CHECK(await(FRAME_SAMPLES, 1, &heard) && heard.length == 6 + 8 * 3);
    CHECK(heard.payload[0] == 1 && heard.payload[1] == 3);
    CHECK((int32_t)u32(heard.payload + 6) == -5 && u32(heard.payload + 10) == 200000);
    device_push(1, counts);
    device_lose(1, 4);
    CHECK(await(FRAME_SAMPLES, 5, &heard) && heard.payload[1] == 1 && u32(heard.payload + 2) == 3);
    pass_ms(1);
    for (int i = 0; i < 3; i++) {
        device_push(1, counts);
    }
    CHECK(await(FRAME_SAMPLES, 5, &heard) && heard.payload[1] == 3 && u32(heard.payload + 2) == 8);
}

static void commands_are_answered_once(void)
{
    struct heard heard;
    uint8_t metric[2] = {6, 1};
    uint8_t stream = 9;
    begin();
    hush(5);
    order(FRAME_MEASURE, 1, metric, 2, RESULT_DONE);
    CHECK(measured == 0x106);
    order(FRAME_START, 2, &stream, 1, RESULT_BAD_ARGUMENT);
    order(0x90, 3, metric, 2, RESULT_UNKNOWN_COMMAND);
    order(FRAME_IDENTIFY, 4, NULL, 0, RESULT_DONE);
    CHECK(await(FRAME_HELLO, 5, &heard) && await(FRAME_STREAM, 5, &heard));
    CHECK(model_board.light);
    hush(2100);
    CHECK(!model_board.light);
    say(FRAME_IDENTIFY, 5, NULL, 0);
    say(FRAME_STOP, 6, &stream, 1); /* two at once */
    CHECK(reply_to(FRAME_IDENTIFY, 5) == RESULT_DONE);
    CHECK(reply_to(FRAME_STOP, 6) == RESULT_BAD_ARGUMENT);
    CHECK(!await(FRAME_REPLY, 100, &heard));
}

static void a_command_behind_garbage_is_heard_after_a_silence(void)
{
    static const uint8_t half[] = {0xA5, 0x5A, 0x10, 0x99};
    begin();
    hush(5);
    for (size_t i = 0; i < sizeof half; i++) {
        device_receive(half[i]);
    }
    order(FRAME_IDENTIFY, 7, NULL, 0, RESULT_DONE);
}

static void more_than_it_can_hold_does_not_hurt(void)
{
    begin();
    hush(5);
    for (int i = 0; i < 500; i++) {
        device_receive(0xA5);
    }
    hush(100);
    order(FRAME_IDENTIFY, 1, NULL, 0, RESULT_DONE);
}

static void time_of_day_is_kept(void)
{
    static const uint8_t when[8] = {0x00, 0x68, 0xE5, 0xCF, 0x8B, 0x01, 0, 0};
    static const uint8_t nonsense[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    struct heard heard;
    uint64_t utc_ms;
    begin();
    hush(5);
    CHECK(!device_utc_ms(&utc_ms));
    order(FRAME_SET_TIME, 1, nonsense, 8, RESULT_BAD_ARGUMENT);
    order(FRAME_SET_TIME, 2, when, 8, RESULT_DONE);
    uint32_t set_ms = device_now_ms();
    CHECK(await(FRAME_STATUS, 600, &heard) && heard.payload[1] == 0);
    CHECK(device_utc_ms(&utc_ms));
    CHECK(utc_ms == 1700000000000U + device_now_ms() - set_ms);
}

static void a_new_fault_is_told_soon_but_not_too_often(void)
{
    struct heard heard;
    begin();
    hush(600);
    fault = FAULT_LEAD_OFF;
    CHECK(await(FRAME_STATUS, 510, &heard));
    CHECK(heard.payload[0] == UNKNOWN && heard.payload[1] == (FAULT_LEAD_OFF | FAULT_CLOCK_NOT_SET));
    fault = 0;
    CHECK(!await(FRAME_STATUS, 400, &heard));
    CHECK(await(FRAME_STATUS, 200, &heard) && heard.payload[1] == FAULT_CLOCK_NOT_SET);
}

static void a_bare_device_says_what_it_cannot(void)
{
    static const struct program bare = {.model = "bare"};
    static const enum reset_cause causes[] = {CAUSE_UNKNOWN, CAUSE_POWER_ON, CAUSE_BUTTON,
                                              CAUSE_BROWN_OUT, CAUSE_WATCHDOG};
    struct numeric numeric = {6, 100, 0, 37};
    uint8_t all = ALL_STREAMS;
    struct heard heard;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        model_board_begin();
        listen_afresh();
        device_begin(&bare, causes[i]);
        CHECK(await(FRAME_TEXT, 5, &heard));
        CHECK(heard.payload[0] == (causes[i] >= CAUSE_BROWN_OUT ? 1 : 0));
    }
    hush(3000);
    CHECK(device_numerics(&numeric, 1));
    CHECK(await(FRAME_NUMERICS, 1, &heard) && heard.length == 9);
    say(FRAME_MEASURE, 1, "\x06\x00", 2);
    CHECK(reply_to(FRAME_MEASURE, 1) == RESULT_NOT_SUPPORTED);
    set_rate(2, 0, 1000, RESULT_NOT_SUPPORTED);
    order(FRAME_START, 3, &all, 1, RESULT_DONE);
}

static void a_full_port_delays_but_keeps_what_is_due(void)
{
    struct heard heard;
    begin();
    uint8_t filler = 0;
    struct numeric numerics[29] = {{6, 0, 0, 0}};
    CHECK(device_numerics(numerics, 29)); /* 244 of 255 bytes: no room for anything else */
    CHECK(!device_numerics(numerics, 29));
    say(FRAME_IDENTIFY, 1, &filler, 0);
    pass_ms(20);
    CHECK(listen_frame(&heard) && heard.type == FRAME_NUMERICS);
    CHECK(!listen_frame(&heard));
    numerics[0].reason = REASON_INVALID;
    CHECK(device_numerics(numerics, 24)); /* 204: STREAM does not fit behind HELLO */
    say(FRAME_IDENTIFY, 2, &filler, 0);
    pass_ms(1);
    CHECK(listen_frame(&heard) && heard.type == FRAME_NUMERICS);
    CHECK(await(FRAME_HELLO, 2, &heard) && await(FRAME_STREAM, 2, &heard));
    CHECK(await(FRAME_STREAM, 2, &heard) && heard.payload[0] == 1);
    CHECK(await(FRAME_TEXT, 2, &heard) && await(FRAME_STATUS, 2, &heard));
}

int main(void)
{
    RUN(on_power_it_says_who_it_is);
    RUN(streams_are_described_every_two_seconds_and_status_sent_every_ten);
    RUN(samples_come_in_order_with_their_time);
    RUN(stopping_sends_the_last_samples_and_starting_counts_anew);
    RUN(a_lost_sample_ends_the_run_and_the_index_tells);
    RUN(a_full_port_loses_samples_but_never_lies);
    RUN(the_rate_can_be_set_to_whole_milliseconds);
    RUN(two_rates_at_once_are_each_described_before_their_samples);
    RUN(a_full_port_makes_it_busy);
    RUN(starting_again_before_the_last_samples_left_is_busy);
    RUN(a_stream_with_its_own_clock_is_pushed);
    RUN(commands_are_answered_once);
    RUN(a_command_behind_garbage_is_heard_after_a_silence);
    RUN(more_than_it_can_hold_does_not_hurt);
    RUN(time_of_day_is_kept);
    RUN(a_new_fault_is_told_soon_but_not_too_often);
    RUN(a_bare_device_says_what_it_cannot);
    RUN(a_full_port_delays_but_keeps_what_is_due);
    return 0;
}
