/* Any bytes from any host at any moment: what the device says stays whole frames, in sequence, with
 * samples that are the test signal at their index.
 *
 * Each input byte is an act: < 0xC0 time passes, C0..DF the port is read, E0.. bytes are received. */
#include <string.h>

#include "../host_test/check.h"
#include "../host_test/listener.h"
#include "../host_test/model_board.h"
#include "device.h"
#include "program.h"
#include "test_signal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t period_ms;

static void check_samples(const struct heard *heard)
{
    const uint8_t *at = heard->payload;
    uint32_t first = (uint32_t)at[2] | (uint32_t)at[3] << 8 | (uint32_t)at[4] << 16
                     | (uint32_t)at[5] << 24;
    CHECK(at[0] == 0 && at[1] > 0 && heard->length == 6U + 2U * at[1]);
    for (uint8_t i = 0; i < at[1]; i++) {
        int32_t count = at[6 + 2 * i] | at[7 + 2 * i] << 8;
        if (period_ms > 0) {
            CHECK(count == test_ecg((first + i) * period_ms));
        }
    }
}

static void read_port(void)
{
    struct heard heard;
    while (listen_frame(&heard)) {
        if (heard.type == (uint8_t)FRAME_SAMPLES) {
            check_samples(&heard);
        } else if (heard.type == (uint8_t)FRAME_STREAM) {
            uint32_t mhz = (uint32_t)heard.payload[4] | (uint32_t)heard.payload[5] << 8
                           | (uint32_t)heard.payload[6] << 16;
            /* samples between the REPLY and the STREAM of a new rate are none: it comes first */
            period_ms = (uint16_t)(1000000U / mhz);
        }
        CHECK(heard.type >= (uint8_t)FRAME_HELLO && heard.type <= (uint8_t)FRAME_REPLY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_board_begin();
    listen_afresh();
    period_ms = 0;
    device_begin(&program, CAUSE_UNKNOWN);
    program_begin();
    for (size_t at = 0; at < size; at++) {
        uint8_t act = data[at];
        if (act < 0xC0) {
            pass_ms(act / 4U);
        } else if (act < 0xE0) {
            read_port();
        } else if (act < 0xF0) {
            for (uint8_t n = act & 0x0FU; n > 0 && at + 1 < size; n--) {
                device_receive(data[++at]);
            }
        } else if (at + 6 < size) { /* a whole command, so that its deeds are reached */
            uint8_t length = (uint8_t)(act & 7U);
            static const uint8_t lengths[8] = {0, 1, 1, 5, 5, 5, 2, 4};
            static const uint8_t types[8] = {0x81, 0x82, 0x83, 0x85, 0x85, 0x85, 0x86, 0x99};
            uint8_t payload[8];
            memcpy(payload, data + at + 2, 5);
            payload[0] = (uint8_t)(act & 8U ? 0 : payload[0]);
            if (act & 8U && lengths[length] == 5) { /* a rate that exists */
                uint32_t mhz = 1000000U / (1U + (payload[1] & 7U));
                for (uint8_t i = 0; i < 4; i++) {
                    payload[1 + i] = (uint8_t)(mhz >> 8 * i);
                }
            }
            say(types[length], data[at + 1], payload, lengths[length]);
            at += 6;
        }
    }
    pass_ms(20);
    read_port();
    return 0;
}
