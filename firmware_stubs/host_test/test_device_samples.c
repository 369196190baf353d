/* A device with two streams: its samples, their index and time, at any rate and when the way out is
 * full. */
#include "check.h"
#include "device.h"
#include "listener.h"
#include "unit_device.h"

static void samples_come_in_order_with_their_time(void)
{
    struct heard heard;
    uint32_t index = 0;
    uint8_t stream = 0;
    unit_device_begin();
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
    unit_device_begin();
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
    unit_device_begin();
    hush(5);
    order(FRAME_START, 1, &stream, 1, RESULT_DONE);
    pass_ms(39);
    unit_device.has_sample = false;
    pass_ms(12);
    unit_device.has_sample = true;
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
    unit_device_begin();
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

static void a_stream_with_its_own_clock_is_pushed(void)
{
    struct heard heard;
    uint8_t stream = 1;
    int32_t counts[2] = {-5, 200000};
    unit_device_begin();
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

static void the_rate_can_be_set_to_whole_milliseconds(void)
{
    struct heard heard;
    uint8_t stream = 0;
    unit_device_begin();
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
    unit_device_begin();
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
    unit_device_begin();
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
    unit_device_begin();
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

int main(void)
{
    RUN(samples_come_in_order_with_their_time);
    RUN(stopping_sends_the_last_samples_and_starting_counts_anew);
    RUN(a_lost_sample_ends_the_run_and_the_index_tells);
    RUN(a_full_port_loses_samples_but_never_lies);
    RUN(a_stream_with_its_own_clock_is_pushed);
    RUN(the_rate_can_be_set_to_whole_milliseconds);
    RUN(two_rates_at_once_are_each_described_before_their_samples);
    RUN(a_full_port_makes_it_busy);
    RUN(starting_again_before_the_last_samples_left_is_busy);
    return 0;
}
