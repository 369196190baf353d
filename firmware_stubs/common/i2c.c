#include "i2c.h"

#include "board.h"

static void start(void)
{
    board_i2c_data(true);
    board_i2c_clock(true);
    board_i2c_data(false);
    board_i2c_clock(false);
}

static void stop(void)
{
    board_i2c_data(false);
    board_i2c_clock(true);
    board_i2c_data(true);
}

static bool exchange_bit(bool out)
{
    board_i2c_data(out);
    board_i2c_clock(true);
    bool in = board_i2c_read_data();
    board_i2c_clock(false);
    return in;
}

/* True: the sensor said it has the byte. */
static bool send(uint8_t byte)
{
    for (uint8_t i = 0; i < 8; i++) {
        (void)exchange_bit((byte & 0x80U) != 0);
        byte = (uint8_t)(byte << 1);
    }
    return !exchange_bit(true);
}

static uint8_t take(bool more)
{
    uint8_t byte = 0;
    for (uint8_t i = 0; i < 8; i++) {
        byte = (uint8_t)((uint8_t)(byte << 1) | (exchange_bit(true) ? 1U : 0U));
    }
    (void)exchange_bit(!more);
    return byte;
}

bool i2c_write(uint8_t address, uint8_t reg, uint8_t value)
{
    start();
    bool taken = send((uint8_t)(address << 1)) && send(reg) && send(value);
    stop();
    return taken;
}

bool i2c_read(uint8_t address, uint8_t reg, uint8_t *bytes, uint8_t n)
{
    start();
    bool taken = send((uint8_t)(address << 1)) && send(reg);
    if (taken) {
        start(); /* again, without letting the bus go */
        taken = send((uint8_t)((uint8_t)(address << 1) | 1U));
    }
    for (uint8_t i = 0; taken && i < n; i++) {
        bytes[i] = take(i + 1U < n);
    }
    stop();
    return taken;
}
