/* A thermometer: one body temperature a second, from a MAX30205 or the test signal. */
#include <stddef.h>

#include "program.h"
#include "test_signal.h"
#if !TEST_SIGNAL
#include "max30205.h"
#endif

#define EVERY_MS 1000U

static uint32_t sent_ms;
static bool ordered;
static bool answers = true;

static bool read_temperature(int16_t *temperature)
{
#if TEST_SIGNAL
    *temperature = test_temperature(device_now_ms());
    return true;
#else
    return max30205_read(temperature);
#endif
}

static enum result measure(uint16_t metric)
{
    if (metric != (uint16_t)METRIC_BODY_TEMPERATURE) {
        return RESULT_BAD_ARGUMENT;
    }
    ordered = true;
    return RESULT_DONE;
}

static uint16_t faults(void)
{
    return answers ? 0 : FAULT_SENSOR;
}

const struct program program = {
    .model = "thermometer",
#if TEST_SIGNAL
    .notice = TEST_NOTICE,
#endif
    .capabilities = CAN_SET_TIME | CAN_MEASURE,
    .measure = measure,
    .faults = faults,
};

void program_begin(void) {}

void program_poll(void)
{
    uint32_t now = device_now_ms();
    if (!ordered && now - sent_ms < EVERY_MS) {
        return;
    }
    int16_t temperature = 0;
    answers = read_temperature(&temperature);
    struct numeric numeric = {METRIC_BODY_TEMPERATURE, UNKNOWN,
                              answers ? REASON_NONE : REASON_SENSOR_FAULT,
                              (float)temperature / 256.0F};
    if (device_numerics(&numeric, 1)) {
        sent_ms = now;
        ordered = false;
    }
}
