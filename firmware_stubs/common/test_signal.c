#include "test_signal.h"

#define BEAT_MS 800U /* 75 beats a minute */

struct corner {
    uint16_t at_ms;
    int16_t value;
};

/* P wave 0.15 mV, QRS -0.1, 1.0, -0.25 mV within 100 ms, T wave 0.3 mV; 341 counts are 1 mV. */
static const struct corner ecg[] = {
    {0, 0},     {100, 0},  {140, 51}, {180, 0},   {240, 0}, {260, -34},
    {290, 341}, {320, -85}, {340, 0}, {460, 0},   {520, 102}, {580, 0}, {800, 0},
};

/* A fast rise and a slow fall with its notch; 256 is the whole pulse. */
static const struct corner pulse[] = {{0, 0}, {150, 256}, {300, 120}, {380, 150}, {800, 0}};

/* The straight line between the corners; rounds towards the earlier corner's value. */
static int16_t along(const struct corner *corner, uint16_t at_ms)
{
    while (at_ms >= corner[1].at_ms) {
        corner++;
    }
    int32_t rise = (int32_t)corner[1].value - corner[0].value;
    int32_t run = (int32_t)corner[1].at_ms - corner[0].at_ms;
    return (int16_t)(corner[0].value + rise * (int32_t)(at_ms - corner[0].at_ms) / run);
}

int32_t test_ecg(uint32_t at_ms)
{
    uint8_t beat = (uint8_t)(at_ms / BEAT_MS % 16U);
    uint16_t phase_ms = (uint16_t)(at_ms % BEAT_MS);
    int16_t wave = along(ecg, phase_ms);
    /* the R wave alone grows from beat to beat */
    return 512 + wave + (wave > 102 ? 4 * beat : 0);
}

void test_ppg(uint32_t at_ms, int32_t *red, int32_t *infrared)
{
    int32_t beat = (int32_t)(at_ms / BEAT_MS % 16U);
    int32_t wave = along(pulse, (uint16_t)(at_ms % BEAT_MS));
    *red = 100000 - 1000 * wave / 256 - beat;
    *infrared = 120000 - 2400 * wave / 256 - beat;
}

int16_t test_temperature(uint32_t at_ms)
{
    int16_t second = (int16_t)(at_ms / 1000U % 64U);
    return (int16_t)(9370 + 2 * (second < 32 ? second : 64 - second));
}
