/* What a board must do for a program: one file, boards/NAME/board.c.
 *
 *   interrupt, 1000 times a second   ---> device_tick()         exactly once for each millisecond
 *   interrupt, a byte came           ---> device_receive(byte)
 *   interrupt, room for a byte       ---> device_transmit(&byte), until it says false
 *
 * Only board_begin may turn interrupts on. */
#ifndef TELEWARD_BOARD_H
#define TELEWARD_BOARD_H

#include <stdbool.h>
#include <stdint.h>

enum reset_cause { CAUSE_UNKNOWN, CAUSE_POWER_ON, CAUSE_BUTTON, CAUSE_BROWN_OUT, CAUSE_WATCHDOG };

/* Set up pins, the 1 kHz timer and the port (115200 baud 8N1), then let interrupts in. */
void board_begin(void);

/* Why the chip started; asked once, before board_begin. */
enum reset_cause board_reset_cause(void);

/* Keep the interrupts above out, and let them in again; never nested. */
void board_lock(void);
void board_unlock(void);

/* Bytes wait in device_transmit: see that they are taken. */
void board_transmit(void);

/* Sleep until an interrupt. */
void board_wait(void);

/* The newest voltage at the analog input: 0 to 1023 for 0 V to 3.3 V, whatever the converter. */
uint16_t board_analog(void);

/* The front end says that an electrode is off (AD8232: LO+ or LO-). */
bool board_leads_off(void);

/* The light that shows a person which device answers. */
void board_light(bool on);

/* I2C lines as open drain: false pulls down, true lets go. Each waits half a bit (5 us). */
void board_i2c_data(bool high);
void board_i2c_clock(bool high);
bool board_i2c_read_data(void);

/* What this very chip is called; 40 bytes at most. */
const char *board_serial(void);

#endif
