#include "max30102.h"

#include "i2c.h"

#define ADDRESS 0x57U
#define FIFO_WRITE 0x04U
#define FIFO_DATA 0x07U
#define FIFO_CONFIG 0x08U
#define MODE_CONFIG 0x09U
#define SPO2_CONFIG 0x0AU
#define LED_1 0x0CU
#define LED_2 0x0DU
#define PART_ID 0xFFU
#define IS_MAX30102 0x15U

#define FIFO_DEPTH_MASK 31U
#define SPO2_MODE 0x03U          /* red and infrared */
#define RANGE_RATE_WIDTH 0x27U   /* 4096 nA full scale, 100 samples/s, 411 us: 18 bits */
#define CURRENT 0x24U            /* 7.2 mA: enough for a finger, cool to the touch */

bool max30102_begin(void)
{
    uint8_t id = 0;
    return i2c_read(ADDRESS, PART_ID, &id, 1) && id == IS_MAX30102
           && i2c_write(ADDRESS, FIFO_CONFIG, 0) && i2c_write(ADDRESS, SPO2_CONFIG, RANGE_RATE_WIDTH)
           && i2c_write(ADDRESS, LED_1, CURRENT) && i2c_write(ADDRESS, LED_2, CURRENT)
           && i2c_write(ADDRESS, FIFO_WRITE, 0) && i2c_write(ADDRESS, FIFO_WRITE + 1U, 0)
           && i2c_write(ADDRESS, FIFO_WRITE + 2U, 0) && i2c_write(ADDRESS, MODE_CONFIG, SPO2_MODE);
}

bool max30102_waiting(uint8_t *n_waiting, uint8_t *n_lost)
{
    uint8_t pointers[3]; /* write, lost, read */
    if (!i2c_read(ADDRESS, FIFO_WRITE, pointers, sizeof pointers)) {
        return false;
    }
    *n_waiting = (uint8_t)((uint8_t)(pointers[0] - pointers[2]) & FIFO_DEPTH_MASK);
    *n_lost = (uint8_t)(pointers[1] & FIFO_DEPTH_MASK);
    if (*n_waiting == 0 && *n_lost > 0) {
        *n_waiting = FIFO_DEPTH_MASK + 1U; /* full looks like empty but for what was lost */
    }
    return true;
}

static int32_t count18(const uint8_t *bytes)
{
    return (int32_t)((uint32_t)(bytes[0] & 3U) << 16 | (uint32_t)bytes[1] << 8 | bytes[2]);
}

bool max30102_take(int32_t *red, int32_t *infrared)
{
    uint8_t bytes[6];
    if (!i2c_read(ADDRESS, FIFO_DATA, bytes, sizeof bytes)) {
        return false;
    }
    *red = count18(bytes);
    *infrared = count18(bytes + 3);
    return true;
}
