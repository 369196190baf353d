#include "receiver.h"

#include <string.h>

#include "crc16.h"

void receiver_begin(struct receiver *receiver)
{
    memset(receiver, 0, sizeof *receiver);
}

uint32_t payload_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
           | (uint32_t)bytes[3] << 24;
}

/* Commands 0x81 to 0x86 have one length each; an unknown one any that fits. */
static bool length_fits(uint8_t type, uint8_t length)
{
    static const uint8_t lengths[] = {0, 1, 1, 8, 5, 2};
    uint8_t at = (uint8_t)(type - (uint8_t)FRAME_IDENTIFY);
    if (at < sizeof lengths) {
        return length == lengths[at];
    }
    return length <= MAX_COMMAND_PAYLOAD;
}

static void skip(struct receiver *receiver, uint8_t count)
{
    receiver->used = (uint8_t)(receiver->used - count);
    memmove(receiver->bytes, receiver->bytes + count, receiver->used);
}

static uint16_t crc_of(const uint8_t *bytes, uint8_t count)
{
    uint16_t crc = CRC16_START;
    for (uint8_t i = 0; i < count; i++) {
        crc = crc16_update(crc, bytes[i]);
    }
    return crc;
}

enum finding { NOTHING, HALF, WHOLE };

/* What is at the front of the buffer. */
static enum finding look(const struct receiver *receiver)
{
    const uint8_t *bytes = receiver->bytes;
    uint8_t used = receiver->used;
    if (bytes[0] != SYNC_0 || (used > 1 && bytes[1] != SYNC_1)) {
        return NOTHING;
    }
    if (used < 4) {
        return HALF;
    }
    if (!length_fits(bytes[3], bytes[2])) {
        return NOTHING;
    }
    uint8_t end = (uint8_t)(OVERHEAD + bytes[2]);
    if (used < end) {
        return HALF;
    }
    uint16_t crc = (uint16_t)(bytes[end - 2U] | (uint16_t)((uint16_t)bytes[end - 1U] << 8));
    return crc_of(bytes + 2, (uint8_t)(end - 4U)) == crc ? WHOLE : NOTHING;
}

/* Whether the link gave the same frame twice; remembers it. Its head and CRC stand for it. */
static bool is_repeated(struct receiver *receiver)
{
    const uint8_t *end = receiver->bytes + OVERHEAD + receiver->bytes[2];
    uint16_t crc = (uint16_t)(end[-2] | (uint16_t)((uint16_t)end[-1] << 8));
    bool same = crc == receiver->last_crc
                && memcmp(receiver->last_head, receiver->bytes + 2, sizeof receiver->last_head) == 0;
    receiver->last_crc = crc;
    memcpy(receiver->last_head, receiver->bytes + 2, sizeof receiver->last_head);
    return same;
}

bool receiver_next(struct receiver *receiver, struct command *command)
{
    skip(receiver, receiver->done);
    receiver->done = 0;
    while (receiver->used > 0) {
        enum finding finding = look(receiver);
        if (finding == HALF) {
            return false;
        }
        if (finding == NOTHING) {
            receiver->n_skipped = (uint16_t)(receiver->n_skipped + (receiver->n_skipped < 0xFFFFU));
            skip(receiver, 1);
            continue;
        }
        uint8_t end = (uint8_t)(OVERHEAD + receiver->bytes[2]);
        /* frames of a device are not for us: passed over whole */
        if (receiver->bytes[3] < FIRST_HOST_TYPE || is_repeated(receiver)) {
            skip(receiver, end);
            continue;
        }
        command->length = receiver->bytes[2];
        command->type = receiver->bytes[3];
        command->sequence = receiver->bytes[4];
        command->payload = receiver->bytes + HEADER_SIZE;
        receiver->done = end;
        return true;
    }
    return false;
}

bool receiver_feed(struct receiver *receiver, uint8_t byte, struct command *command)
{
    skip(receiver, receiver->done);
    receiver->done = 0;
    /* never full: a half command is shorter than the longest, anything else was taken out */
    receiver->bytes[receiver->used] = byte;
    receiver->used++;
    return receiver_next(receiver, command);
}

bool receiver_flush(struct receiver *receiver, struct command *command)
{
    skip(receiver, receiver->done);
    receiver->done = 0;
    while (receiver->used > 0) {
        skip(receiver, 1);
        if (receiver_next(receiver, command)) {
            return true;
        }
    }
    return false;
}
