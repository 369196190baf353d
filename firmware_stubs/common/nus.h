/* The Nordic UART service: what the gateway's driver framed-uart looks for.
 *
 *   6e400001-b5a3-f393-e0a9-e50e24dcca9e  service, in the advertisement
 *   6e400002-...                          RX: the host writes      -> nus_received
 *   6e400003-...                          TX: the device notifies  <- nus_send
 *
 * A board with a radio gives notify() and calls these; everything else is the vendor's. */
#ifndef TELEWARD_NUS_H
#define TELEWARD_NUS_H

#include <stdbool.h>
#include <stdint.h>

/* The 16 bytes of 6e40XXXX-..., the last first, as BLE stacks take them. */
#define NUS_UUID_BYTES(low, high)                                                              \
    0x9E, 0xCA, 0xDC, 0x24, 0x0E, 0xE5, 0xA9, 0xE0, 0x93, 0xF3, 0xA3, 0xB5, (low), (high),     \
        0x40, 0x6E
#define NUS_SERVICE NUS_UUID_BYTES(0x01, 0x00)
#define NUS_RX NUS_UUID_BYTES(0x02, 0x00)
#define NUS_TX NUS_UUID_BYTES(0x03, 0x00)

/* A host subscribed to TX, or left. */
void nus_opened(uint16_t mtu);
void nus_mtu(uint16_t mtu);
void nus_closed(void);

/* A host wrote to RX. */
void nus_received(const uint8_t *bytes, uint16_t n);

/* Send what waits; what nobody listens to is thrown away, as on a wire. */
void nus_send(bool (*notify)(const uint8_t *bytes, uint8_t n));

/* The advertisement: flags and the service; and the scan response: the name "Teleward SERIAL".
 * Both return their length, 31 at most. */
uint8_t nus_advertisement(uint8_t *bytes);
uint8_t nus_scan_response(uint8_t *bytes, const char *serial);

#endif
