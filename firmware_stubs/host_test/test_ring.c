#include "check.h"
#include "crc16.h"
#include "ring.h"

static void a_ring_gives_bytes_back_in_order(void)
{
    volatile uint8_t bytes[8];
    struct ring ring;
    uint8_t byte = 99;
    ring_begin(&ring, bytes, 7);
    CHECK(!ring_get(&ring, &byte) && byte == 99);
    for (int round = 0; round < 50; round++) {
        for (uint8_t i = 0; i < 7; i++) {
            CHECK(ring_room(&ring) == 7 - i && ring_put(&ring, i));
        }
        CHECK(!ring_put(&ring, 77) && ring_used(&ring) == 7);
        for (uint8_t i = 0; i < 7; i++) {
            CHECK(ring_get(&ring, &byte) && byte == i);
        }
        CHECK(ring_put(&ring, 5) && ring_used(&ring) == 1);
        ring_empty(&ring);
        CHECK(ring_used(&ring) == 0);
    }
}

static void the_greatest_ring_holds_255(void)
{
    volatile uint8_t bytes[256];
    struct ring ring;
    ring_begin(&ring, bytes, 255);
    for (int i = 0; i < 255; i++) {
        CHECK(ring_put(&ring, (uint8_t)i));
    }
    CHECK(!ring_put(&ring, 0) && ring_room(&ring) == 0);
}

static void crc_gives_the_check_value(void)
{
    uint16_t crc = CRC16_START;
    for (const char *at = "123456789"; *at != 0; at++) {
        crc = crc16_update(crc, (uint8_t)*at);
    }
    CHECK(crc == 0x29B1); /* reveng catalogue, CRC-16/IBM-3740 */
}

int main(void)
{
    RUN(a_ring_gives_bytes_back_in_order);
    RUN(the_greatest_ring_holds_255);
    RUN(crc_gives_the_check_value);
    return 0;
}
