#include "listener.h"

#include <string.h>

#include "check.h"
#include "crc16.h"
#include "device.h"

static int expected = -1;

void listen_afresh(void)
{
    expected = -1;
}

static uint8_t must_take(void)
{
    uint8_t byte = 0;
    CHECK(device_transmit(&byte)); /* frames are written whole */
    return byte;
}

bool listen_frame(struct heard *heard)
{
    uint8_t byte;
    uint8_t head[7];
    uint16_t crc = CRC16_START;
    if (!device_transmit(&byte)) {
        return false;
    }
    CHECK(byte == SYNC_0 && must_take() == SYNC_1);
    for (size_t i = 0; i < sizeof head; i++) {
        head[i] = must_take();
        crc = crc16_update(crc, head[i]);
    }
    heard->length = head[0];
    heard->type = head[1];
    heard->sequence = head[2];
    heard->time_ms = (uint32_t)head[3] | (uint32_t)head[4] << 8 | (uint32_t)head[5] << 16
                     | (uint32_t)head[6] << 24;
    CHECK(heard->length <= MAX_PAYLOAD);
    for (uint8_t i = 0; i < heard->length; i++) {
        heard->payload[i] = must_take();
        crc = crc16_update(crc, heard->payload[i]);
    }
    CHECK(must_take() == (crc & 0xFFU));
    CHECK(must_take() == crc >> 8);
    CHECK(expected < 0 || heard->sequence == expected);
    expected = (uint8_t)(heard->sequence + 1U);
    return true;
}

void pass_ms(uint32_t ms)
{
    for (; ms > 0; ms--) {
        device_tick();
        device_run();
    }
}

void hush(uint32_t ms)
{
    struct heard heard;
    for (; ms > 0; ms--) {
        pass_ms(1);
        while (listen_frame(&heard)) {
        }
    }
}

void say(uint8_t type, uint8_t sequence, const void *payload, uint8_t length)
{
    uint8_t body[64] = {length, type, sequence, 0, 0, 0, 0};
    uint16_t crc = CRC16_START;
    if (length > 0) {
        memcpy(body + 7, payload, length);
    }
    device_receive(SYNC_0);
    device_receive(SYNC_1);
    for (uint8_t i = 0; i < length + 7U; i++) {
        device_receive(body[i]);
        crc = crc16_update(crc, body[i]);
    }
    device_receive((uint8_t)(crc & 0xFFU));
    device_receive((uint8_t)(crc >> 8));
}

bool await(uint8_t type, uint32_t ms, struct heard *heard)
{
    for (;;) {
        while (listen_frame(heard)) {
            if (heard->type == type) {
                return true;
            }
        }
        if (ms-- == 0) {
            return false;
        }
        pass_ms(1);
    }
}

uint8_t reply_to(uint8_t type, uint8_t sequence)
{
    struct heard heard;
    CHECK(await(FRAME_REPLY, 200, &heard));
    CHECK(heard.length == 3 && heard.payload[0] == type && heard.payload[1] == sequence);
    return heard.payload[2];
}
