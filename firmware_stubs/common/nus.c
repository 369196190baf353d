#include "nus.h"

#include <string.h>

#include "chunks.h"
#include "device.h"

#define ADVERTISEMENT_MOST 31U

static struct chunks chunks;
static bool is_open;

void nus_opened(uint16_t mtu)
{
    chunks_set_mtu(&chunks, mtu);
    is_open = true;
}

void nus_mtu(uint16_t mtu)
{
    chunks_set_mtu(&chunks, mtu);
}

void nus_closed(void)
{
    chunks_forget(&chunks);
    is_open = false;
}

void nus_received(const uint8_t *bytes, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        device_receive(bytes[i]);
    }
}

void nus_send(bool (*notify)(const uint8_t *bytes, uint8_t n))
{
    uint8_t byte;
    if (is_open) {
        chunks_send(&chunks, notify);
        return;
    }
    while (device_transmit(&byte)) {
    }
}

uint8_t nus_advertisement(uint8_t *bytes)
{
    /* flags: general discoverable, no BR/EDR; complete list of 128-bit services */
    static const uint8_t wanted[] = {2, 0x01, 0x06, 17, 0x07, NUS_SERVICE};
    memcpy(bytes, wanted, sizeof wanted);
    return (uint8_t)sizeof wanted;
}

uint8_t nus_scan_response(uint8_t *bytes, const char *serial)
{
    static const char maker[] = MAKER " ";
    size_t room = ADVERTISEMENT_MOST - 2U - (sizeof maker - 1U);
    size_t length = strlen(serial) < room ? strlen(serial) : room;
    bytes[0] = (uint8_t)(sizeof maker + length); /* type, name */
    bytes[1] = 0x09;                             /* complete local name */
    memcpy(bytes + 2, maker, sizeof maker - 1U);
    memcpy(bytes + 1 + sizeof maker, serial, length);
    return (uint8_t)(bytes[0] + 1U);
}
