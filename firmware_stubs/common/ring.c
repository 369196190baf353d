#include "ring.h"

void ring_begin(struct ring *ring, volatile uint8_t *bytes, uint8_t mask)
{
    ring->bytes = bytes;
    ring->mask = mask;
    ring->head = 0;
    ring->tail = 0;
}

uint8_t ring_used(const struct ring *ring)
{
    return (uint8_t)((uint8_t)(ring->head - ring->tail) & ring->mask);
}

uint8_t ring_room(const struct ring *ring)
{
    return (uint8_t)(ring->mask - ring_used(ring));
}

bool ring_put(struct ring *ring, uint8_t byte)
{
    if (ring_room(ring) == 0) {
        return false;
    }
    ring->bytes[ring->head] = byte;
    ring->head = (uint8_t)((uint8_t)(ring->head + 1U) & ring->mask);
    return true;
}

bool ring_get(struct ring *ring, uint8_t *byte)
{
    if (ring_used(ring) == 0) {
        return false;
    }
    *byte = ring->bytes[ring->tail];
    ring->tail = (uint8_t)((uint8_t)(ring->tail + 1U) & ring->mask);
    return true;
}

void ring_empty(struct ring *ring)
{
    ring->tail = ring->head;
}
