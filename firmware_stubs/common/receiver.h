/* Commands in: bytes from the host, one at a time, to whole commands.
 *
 * Recovery: a command starts where sync, length (against the type's table) and CRC all fit; else
 * one byte is skipped, never the claimed length. What does not become whole in time is looked
 * through again by receiver_flush, so that a wrong length never hides a good command for long. */
#ifndef TELEWARD_RECEIVER_H
#define TELEWARD_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

struct command {
    uint8_t type;
    uint8_t sequence;
    uint8_t length;
    const uint8_t *payload; /* valid until the next call */
};

struct receiver {
    uint8_t bytes[MAX_COMMAND_FRAME];
    uint8_t used;
    uint8_t done;           /* bytes at the front that belong to the command just given */
    uint16_t last_crc;      /* of the last command, to drop what the link repeats */
    uint8_t last_head[7];   /* its length, type, sequence and time */
    uint16_t n_skipped;     /* bytes that were no command; stops at 65535 */
};

void receiver_begin(struct receiver *receiver);

/* Take one byte; true: *command is whole. Then call receiver_next until it says false. */
bool receiver_feed(struct receiver *receiver, uint8_t byte, struct command *command);

/* Look for another command in what is already there. */
bool receiver_next(struct receiver *receiver, struct command *command);

/* After a silence: give up the half command at the front; true: one was found behind it. */
bool receiver_flush(struct receiver *receiver, struct command *command);

/* Read the little-endian number of a payload. */
uint32_t payload_u32(const uint8_t *bytes);

#endif
