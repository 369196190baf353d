#include "crc16.h"

uint16_t crc16_update(uint16_t crc, uint8_t byte)
{
    uint8_t fold = (uint8_t)((crc >> 8) ^ byte);
    fold = (uint8_t)(fold ^ (fold >> 4));
    return (uint16_t)((uint16_t)(crc << 8) ^ (uint16_t)((uint16_t)fold << 12)
                      ^ (uint16_t)((uint16_t)fold << 5) ^ fold);
}
