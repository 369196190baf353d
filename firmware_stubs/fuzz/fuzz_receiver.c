/* Any bytes, in any pieces: the receiver finds the same commands as a search over the whole input. */
#include <string.h>

#include "../host_test/check.h"
#include "crc16.h"
#include "receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The length of the command that starts here, 0 for none, -1 when the input ends before it. */
static int whole_at(const uint8_t *data, size_t left)
{
    static const int lengths[] = {0, 1, 1, 8, 5, 2};
    if (data[0] != SYNC_0 || (left > 1 && data[1] != SYNC_1)) {
        return 0;
    }
    if (left < 4) {
        return -1;
    }
    bool known = data[3] >= (uint8_t)FRAME_IDENTIFY && data[3] <= (uint8_t)FRAME_MEASURE;
    if (known ? data[2] != lengths[data[3] - FRAME_IDENTIFY] : data[2] > MAX_COMMAND_PAYLOAD) {
        return 0;
    }
    size_t end = (size_t)OVERHEAD + data[2];
    if (left < end) {
        return -1;
    }
    uint16_t crc = CRC16_START;
    for (size_t i = 2; i < end - 2; i++) {
        crc = crc16_update(crc, data[i]);
    }
    return data[end - 2] == (crc & 0xFFU) && data[end - 1] == crc >> 8 ? (int)end : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receiver receiver;
    struct command command;
    size_t at = 0;     /* where the search stands */
    size_t last = 0;   /* the frame before, to know a repeated one */
    int last_size = 0;
    receiver_begin(&receiver);
    for (size_t fed = 0; fed < size; fed++) {
        bool found = receiver_feed(&receiver, data[fed], &command);
        for (;;) {
            int whole = at <= fed ? whole_at(data + at, fed + 1 - at) : -1;
            if (whole < 0) {
                break;
            }
            if (whole == 0) {
                at++;
                continue;
            }
            bool repeated = whole == last_size && memcmp(data + at, data + last, (size_t)whole) == 0;
            bool mine = data[at + 3] >= FIRST_HOST_TYPE;
            if (mine && !repeated) {
                CHECK(found && command.type == data[at + 3] && command.sequence == data[at + 4]);
                CHECK(command.length == data[at + 2]);
                CHECK(memcmp(command.payload, data + at + HEADER_SIZE, command.length) == 0);
                found = receiver_next(&receiver, &command);
            }
            if (mine) {
                last = at;
                last_size = whole;
            }
            at += (size_t)whole;
        }
        CHECK(!found);
    }
    while (receiver_flush(&receiver, &command)) {
        CHECK(command.length <= MAX_COMMAND_PAYLOAD);
    }
    CHECK(receiver.used == 0);
    return 0;
}
