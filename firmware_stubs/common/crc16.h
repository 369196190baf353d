/* CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected, no final xor.
 * "123456789" gives 0x29B1. Without a table: a table is 512 bytes of an ATmega's flash. */
#ifndef TELEWARD_CRC16_H
#define TELEWARD_CRC16_H

#include <stdint.h>

#define CRC16_START 0xFFFFU

/* Take one byte into crc. */
uint16_t crc16_update(uint16_t crc, uint8_t byte);

#endif
