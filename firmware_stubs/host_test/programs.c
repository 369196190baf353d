/* One program, with its sensor or its test signal: built once for each (see the Makefile). */
#include <string.h>

#include "check.h"
#include "listener.h"
#include "model_board.h"
#include "program.h"
#include "test_signal.h"

static void begin(void)
{
    model_board_begin();
    listen_afresh();
    device_begin(&program, board_reset_cause());
    program_begin();
}

static void run_ms(uint32_t ms)
{
    for (; ms > 0; ms--) {
        program_poll();
        pass_ms(1);
    }
}

static uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
           | (uint32_t)bytes[3] << 24;
}

/* Run until a frame of this type; what else comes is thrown away. */
static struct heard next(uint8_t type, uint32_t within_ms)
{
    struct heard heard;
    for (; within_ms > 0; within_ms--) {
        run_ms(1);
        while (listen_frame(&heard)) {
            if (heard.type == type) {
                return heard;
            }
        }
    }
    CHECK(!"the frame came");
    return heard;
}

#if defined(ECG_PATCH) || (defined(PULSE_OXIMETER) && TEST_SIGNAL)
static void start(void)
{
    uint8_t all = ALL_STREAMS;
    (void)next(FRAME_STATUS, 5);
    say(FRAME_START, 1, &all, 1);
    CHECK(reply_to(FRAME_START, 1) == RESULT_DONE);
}
#endif

static void it_says_who_it_is_and_whether_it_is_a_test(void)
{
    begin();
    struct heard heard = next(FRAME_HELLO, 2);
    CHECK(heard.payload[1] == program.n_streams);
    heard = next(FRAME_TEXT, 5);
    CHECK((memcmp(heard.payload + 1, TEST_NOTICE, 8) == 0) == TEST_SIGNAL);
}

#if defined(ECG_PATCH)

static void the_signal_is_sent(void)
{
    begin();
    start();
    model_board.analog = 777;
    for (uint32_t index = 0; index < 5000;) {
        struct heard heard = next(FRAME_SAMPLES, 150);
        CHECK(u32(heard.payload + 2) == index);
        for (uint8_t i = 0; i < heard.payload[1]; i++, index++) {
            int32_t count = heard.payload[6 + 2 * i] | heard.payload[7 + 2 * i] << 8;
            CHECK(count == (TEST_SIGNAL ? test_ecg(4 * index) : 777));
        }
    }
#if !TEST_SIGNAL
    model_board.leads_off = true;
    CHECK((next(FRAME_STATUS, 600).payload[1] & FAULT_LEAD_OFF) != 0);
    run_ms(1000);
    model_board.leads_off = false;
    struct heard heard = next(FRAME_SAMPLES, 150);
    CHECK(u32(heard.payload + 2) >= 5000); /* a gap, no made-up line */
#endif
}

#elif defined(PULSE_OXIMETER) && TEST_SIGNAL

static void the_signal_is_sent(void)
{
    begin();
    start();
    for (uint32_t index = 0; index < 2000;) {
        struct heard heard = next(FRAME_SAMPLES, 150);
        CHECK(u32(heard.payload + 2) == index);
        for (uint8_t i = 0; i < heard.payload[1]; i++, index++) {
            int32_t red, infrared;
            test_ppg(10 * index, &red, &infrared);
            CHECK((int32_t)u32(heard.payload + 6 + 8 * i) == red);
            CHECK((int32_t)u32(heard.payload + 10 + 8 * i) == infrared);
        }
    }
}

#elif defined(PULSE_OXIMETER)

static void the_signal_is_sent(void)
{
    static const uint8_t finger[] = {0, 0x10, 0, 1, 0xD4, 0xC0, 0, 0x11, 0, 1, 0xD4, 0xC1};
    static const uint8_t air[] = {0, 0, 9, 0, 0, 9};
    begin();
    CHECK((next(FRAME_STATUS, 600).payload[1] & FAULT_CLOCK_NOT_SET) != 0);
    CHECK((next(FRAME_STATUS, 600).payload[1] & FAULT_SENSOR) != 0);
    model_board.i2c_address = 0x57; /* plugged in late */
    model_board.registers[0xFF] = 0x15;
    model_board.fifo_register = 7;
    CHECK((next(FRAME_STATUS, 2000).payload[1] & FAULT_SENSOR) == 0);
    uint8_t all = ALL_STREAMS;
    say(FRAME_START, 1, &all, 1);
    run_ms(5);
    model_board.fifo = finger;
    model_board.n_fifo = sizeof finger;
    model_board.registers[4] = 2;
    while (model_board.n_fifo > 0) {
        run_ms(1);
    }
    model_board.registers[6] = 2;
    run_ms(30);
    model_board.fifo = air;
    model_board.n_fifo = sizeof air;
    model_board.registers[4] = 3;
    model_board.registers[5] = 4; /* it threw four away */
    while (model_board.n_fifo > 0) {
        run_ms(1);
    }
    model_board.registers[6] = 3;
    model_board.registers[5] = 0;
    struct heard heard = next(FRAME_SAMPLES, 20);
    CHECK(heard.payload[1] == 2 && u32(heard.payload + 2) == 0);
    CHECK(u32(heard.payload + 6) == 0x1000 && u32(heard.payload + 18) == 0x1D4C1);
    CHECK((next(FRAME_STATUS, 600).payload[1] & FAULT_PROBE_OFF) != 0);
    model_board.i2c_address = 0; /* pulled out */
    CHECK((next(FRAME_STATUS, 600).payload[1] & FAULT_SENSOR) != 0);
}

#else

static float as_float(const uint8_t *bytes)
{
    uint32_t bits = u32(bytes);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void the_signal_is_sent(void)
{
    begin();
    model_board.i2c_address = 0x48;
    model_board.registers[0] = 38;
    for (int i = 1; i < 70; i++) {
        struct heard heard = next(FRAME_NUMERICS, 1100);
        float expected = (float)test_temperature(heard.time_ms) / 256.0F;
        CHECK(as_float(heard.payload + 5) == (TEST_SIGNAL ? expected : 38.0F));
        CHECK(heard.payload[1] == METRIC_BODY_TEMPERATURE && heard.payload[4] == REASON_NONE);
    }
    say(FRAME_MEASURE, 1, "\x06\x00", 2);
    CHECK(next(FRAME_REPLY, 5).payload[2] == RESULT_DONE);
    (void)next(FRAME_NUMERICS, 5); /* at once */
    say(FRAME_MEASURE, 2, "\x07\x00", 2);
    CHECK(next(FRAME_REPLY, 5).payload[2] == RESULT_BAD_ARGUMENT);
#if !TEST_SIGNAL
    model_board.i2c_address = 0;
    struct heard heard = next(FRAME_NUMERICS, 1100);
    CHECK(heard.payload[4] == REASON_SENSOR_FAULT && as_float(heard.payload + 5) == 0);
    CHECK((next(FRAME_STATUS, 600).payload[1] & FAULT_SENSOR) != 0);
#endif
    run_ms(20000); /* nobody reads: the port is full */
    struct heard late;
    while (listen_frame(&late)) {
    }
    (void)next(FRAME_NUMERICS, 1100);
}

#endif

int main(void)
{
    RUN(it_says_who_it_is_and_whether_it_is_a_test);
    RUN(the_signal_is_sent);
    return 0;
}
