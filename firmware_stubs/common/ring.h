/* A ring of bytes between one writer and one reader, of which one may be an interrupt.
 *
 *        tail          head                 used = (head - tail) & mask
 *   +----+====+====+====+----+----+         full when used == mask: one byte stays empty
 *        ^ read here    ^ write here
 *
 * Only the writer moves head and only the reader moves tail, and both are single bytes, so that
 * an 8-bit chip needs no lock. Holds on one core; two cores need a lock around it. */
#ifndef TELEWARD_RING_H
#define TELEWARD_RING_H

#include <stdbool.h>
#include <stdint.h>

struct ring {
    volatile uint8_t *bytes;
    uint8_t mask; /* size - 1; the size is a power of two, 256 at most */
    volatile uint8_t head;
    volatile uint8_t tail;
};

void ring_begin(struct ring *ring, volatile uint8_t *bytes, uint8_t mask);

uint8_t ring_used(const struct ring *ring);
uint8_t ring_room(const struct ring *ring);

/* False when there is no room; then nothing is stored. */
bool ring_put(struct ring *ring, uint8_t byte);

/* False when there is nothing; then *byte is left as it is. */
bool ring_get(struct ring *ring, uint8_t *byte);

/* The reader throws away what is there. */
void ring_empty(struct ring *ring);

#endif
