#include "max30205.h"

#include "i2c.h"

#define ADDRESS 0x48U /* A0 to A2 at ground */
#define TEMPERATURE 0x00U

bool max30205_read(int16_t *temperature)
{
    uint8_t bytes[2];
    if (!i2c_read(ADDRESS, TEMPERATURE, bytes, sizeof bytes)) {
        return false;
    }
    int32_t value = (int32_t)bytes[0] << 8 | bytes[1];
    *temperature = (int16_t)(value < 0x8000 ? value : value - 0x10000);
    return true;
}
