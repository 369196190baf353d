#include "model_board.h"

#include <string.h>

#include "board.h"
#include "check.h"

struct model_board model_board;

/* The sensor's end of I2C: it watches the two lines and pulls data down for its own bits. */
static struct {
    bool data, clock;   /* as the host drives them */
    bool pulls;         /* the sensor holds data down */
    bool talking;       /* between start and stop, addressed or not yet */
    bool reading;
    uint8_t bit;        /* 0..7 data, 8 acknowledge */
    uint8_t byte;
    uint8_t n_bytes;    /* since start */
    uint8_t reg;
} bus;

void model_board_begin(void)
{
    memset(&model_board, 0, sizeof model_board);
    memset(&bus, 0, sizeof bus);
    bus.data = bus.clock = true;
    model_board.fifo_register = -1;
}

void board_begin(void) {}

enum reset_cause board_reset_cause(void)
{
    return CAUSE_POWER_ON;
}

void board_lock(void)
{
    CHECK(model_board.locks == 0);
    model_board.locks++;
}

void board_unlock(void)
{
    CHECK(model_board.locks == 1);
    model_board.locks--;
}

void board_transmit(void) {}

void board_wait(void) {}

uint16_t board_analog(void)
{
    return model_board.analog;
}

bool board_leads_off(void)
{
    return model_board.leads_off;
}

void board_light(bool on)
{
    model_board.light = on;
}

const char *board_serial(void)
{
    return "0001";
}

static uint8_t next_byte(void)
{
    if (bus.reg == model_board.fifo_register) {
        CHECK(model_board.n_fifo > 0);
        model_board.n_fifo--;
        return *model_board.fifo++;
    }
    return model_board.registers[bus.reg++];
}

static bool dead(void)
{
    return model_board.i2c_dies_after > 0 && --model_board.i2c_dies_after == 0;
}

/* A byte of the host is whole: true = acknowledge. */
static bool on_host_byte(void)
{
    if (dead()) {
        model_board.i2c_address = 0;
    }
    if (model_board.i2c_address == 0) {
        return false;
    }
    if (bus.n_bytes == 0) {
        bus.reading = (bus.byte & 1U) != 0;
        return bus.byte >> 1 == model_board.i2c_address;
    }
    if (bus.n_bytes == 1) {
        bus.reg = bus.byte;
    } else {
        model_board.registers[bus.reg++] = bus.byte;
    }
    return true;
}

static void on_clock_up(void)
{
    if (!bus.talking) {
        return;
    }
    if (bus.bit < 8 && !(bus.reading && bus.n_bytes > 0)) {
        bus.byte = (uint8_t)((uint8_t)(bus.byte << 1) | (bus.data ? 1U : 0U));
    } else if (bus.bit == 8 && bus.reading && bus.n_bytes > 1 && bus.data) {
        bus.talking = false; /* the host wants no more */
    }
}

static void on_clock_down(void)
{
    if (!bus.talking) {
        return;
    }
    bool mine = bus.reading && bus.n_bytes > 0;
    bus.bit++;
    if (bus.bit == 8) {
        bus.pulls = !mine && on_host_byte();
        if (!mine && !bus.pulls) {
            bus.talking = false;
        }
        bus.n_bytes++;
        return;
    }
    bus.pulls = false;
    if (bus.bit == 9) {
        bus.bit = 0;
        bus.byte = bus.reading ? next_byte() : 0;
        mine = bus.reading;
    }
    if (mine && bus.talking) {
        bus.pulls = (bus.byte >> (7U - bus.bit) & 1U) == 0;
    }
}

void board_i2c_data(bool high)
{
    if (bus.clock && bus.data && !high) { /* start */
        bus.talking = true;
        bus.reading = bus.pulls = false;
        bus.bit = 0xFF; /* the clock's first fall opens bit 0 */
        bus.byte = bus.n_bytes = 0;
    } else if (bus.clock && !bus.data && high) { /* stop */
        bus.talking = bus.pulls = false;
    }
    bus.data = high;
}

void board_i2c_clock(bool high)
{
    if (high && !bus.clock) {
        on_clock_up();
    } else if (!high && bus.clock) {
        on_clock_down();
    }
    bus.clock = high;
}

bool board_i2c_read_data(void)
{
    return bus.data && !bus.pulls;
}
