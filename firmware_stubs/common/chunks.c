#include "chunks.h"

#include <string.h>

#include "device.h"

void chunks_set_mtu(struct chunks *chunks, uint16_t mtu)
{
    uint16_t fits = mtu > MOST_MTU ? MOST_MTU : mtu;
    chunks->most = (uint8_t)((fits < LEAST_MTU ? LEAST_MTU : fits) - ATT_HEADER);
}

void chunks_forget(struct chunks *chunks)
{
    chunks->used = 0;
}

void chunks_send(struct chunks *chunks, bool (*notify)(const uint8_t *bytes, uint8_t n))
{
    for (;;) {
        while (chunks->used < chunks->most && device_transmit(&chunks->bytes[chunks->used])) {
            chunks->used++;
        }
        uint8_t n = chunks->used < chunks->most ? chunks->used : chunks->most;
        if (n == 0 || !notify(chunks->bytes, n)) {
            return;
        }
        chunks->used = (uint8_t)(chunks->used - n);
        memmove(chunks->bytes, chunks->bytes + n, chunks->used);
    }
}
