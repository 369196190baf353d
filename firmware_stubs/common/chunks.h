/* The stream of bytes in pieces for a radio: Nordic UART notifies as many bytes as fit the MTU.
 *
 *   device_transmit -> [ piece of at most MTU - 3 bytes ] -> notify(piece)
 *
 * A piece that the radio refuses (its queue is full) is offered again, so no byte is lost. */
#ifndef TELEWARD_CHUNKS_H
#define TELEWARD_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#define MOST_MTU 247U /* one link-layer packet with data length extension */
#define LEAST_MTU 23U /* what every link has until another is agreed on */
#define ATT_HEADER 3U

struct chunks {
    uint8_t bytes[MOST_MTU - ATT_HEADER];
    uint8_t used;
    uint8_t most;
};

/* A link was made, or its MTU changed; a piece already taken is kept, in pieces that fit. */
void chunks_set_mtu(struct chunks *chunks, uint16_t mtu);

/* Nobody listens: forget the piece. */
void chunks_forget(struct chunks *chunks);

/* Send while the radio takes pieces; notify: false = refused now. */
void chunks_send(struct chunks *chunks, bool (*notify)(const uint8_t *bytes, uint8_t n));

#endif
