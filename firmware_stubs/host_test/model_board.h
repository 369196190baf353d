/* A board for tests: what its sensors say is set here. */
#ifndef TELEWARD_MODEL_BOARD_H
#define TELEWARD_MODEL_BOARD_H

#include <stdbool.h>
#include <stdint.h>

struct model_board {
    uint16_t analog;
    bool leads_off;
    bool light;
    uint8_t locks; /* depth: 0 or 1 */
    /* one I2C sensor, 0 = none; registers are read one after another, but for a FIFO's */
    uint8_t i2c_address;
    uint8_t registers[256];
    int fifo_register; /* -1: none */
    const uint8_t *fifo;
    uint16_t n_fifo;
    uint16_t i2c_dies_after; /* bytes until the sensor stops to answer; 0: never */
};

extern struct model_board model_board;

void model_board_begin(void);

#endif
