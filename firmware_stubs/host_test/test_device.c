/* A device with two streams: who it says it is, what it obeys, when it tells what. */
#include <string.h>

#include "check.h"
#include "device.h"
#include "listener.h"
#include "model_board.h"
#include "unit_device.h"

static void on_power_it_says_who_it_is(void)
{
    static const uint8_t types[] = {FRAME_HELLO, FRAME_STREAM, FRAME_STREAM, FRAME_TEXT, FRAME_TEXT,
                                    FRAME_STATUS};
    struct heard heard;
    unit_device_begin();
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
    unit_device_begin();
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

static void commands_are_answered_once(void)
{
    struct heard heard;
    uint8_t metric[2] = {6, 1};
    uint8_t stream = 9;
    unit_device_begin();
    hush(5);
    order(FRAME_MEASURE, 1, metric, 2, RESULT_DONE);
    CHECK(unit_device.measured == 0x106);
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
    unit_device_begin();
    hush(5);
    for (size_t i = 0; i < sizeof half; i++) {
        device_receive(half[i]);
    }
    order(FRAME_IDENTIFY, 7, NULL, 0, RESULT_DONE);
}

static void more_than_it_can_hold_does_not_hurt(void)
{
    unit_device_begin();
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
    unit_device_begin();
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
    unit_device_begin();
    hush(600);
    unit_device.fault = FAULT_LEAD_OFF;
    CHECK(await(FRAME_STATUS, 510, &heard));
    CHECK(heard.payload[0] == UNKNOWN && heard.payload[1] == (FAULT_LEAD_OFF | FAULT_CLOCK_NOT_SET));
    unit_device.fault = 0;
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
    unit_device_begin();
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
    RUN(commands_are_answered_once);
    RUN(a_command_behind_garbage_is_heard_after_a_silence);
    RUN(more_than_it_can_hold_does_not_hurt);
    RUN(time_of_day_is_kept);
    RUN(a_new_fault_is_told_soon_but_not_too_often);
    RUN(a_bare_device_says_what_it_cannot);
    RUN(a_full_port_delays_but_keeps_what_is_due);
    return 0;
}
