/* An I2C host on two pins of the board: 100 kHz at most, one host, no clock stretching. */
#ifndef TELEWARD_I2C_H
#define TELEWARD_I2C_H

#include <stdbool.h>
#include <stdint.h>

/* Write one register; false: the sensor did not answer. */
bool i2c_write(uint8_t address, uint8_t reg, uint8_t value);

/* Read n bytes from a register on; false: the sensor did not answer, bytes are not set. */
bool i2c_read(uint8_t address, uint8_t reg, uint8_t *bytes, uint8_t n);

#endif
