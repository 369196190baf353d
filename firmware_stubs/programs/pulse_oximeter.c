/* A pulse oximeter: red and infrared light as a MAX30102 counts them, raw, 100 Hz. */
#include "program.h"
#include "test_signal.h"
#if !TEST_SIGNAL
#include "max30102.h"
#endif

#define NO_FINGER 50000 /* infrared counts: a finger sends back more, the air far less */
#define TRY_AGAIN_MS 1000U

static volatile uint8_t bytes[256]; /* 31 samples: 0.3 s */
static const struct channel channels[] = {{METRIC_PPG_RED, 1.0F, 0.0F},
                                          {METRIC_PPG_INFRARED, 1.0F, 0.0F}};
static const struct stream streams[] = {{
    .channels = channels,
    .n_channels = 2,
    .sample_size = 4,
    .own_clock = !TEST_SIGNAL,
    .period_ms = 10,
    .shortest_period_ms = 10,
    .longest_period_ms = 10,
    .bytes = bytes,
    .mask = sizeof bytes - 1U,
}};

#if TEST_SIGNAL

static bool sample(uint8_t stream, uint32_t at_ms, int32_t *counts)
{
    (void)stream;
    test_ppg(at_ms, &counts[0], &counts[1]);
    return true;
}

const struct program program = {
    .model = "pulse-oximeter",
    .notice = TEST_NOTICE,
    .streams = streams,
    .n_streams = 1,
    .capabilities = CAN_SET_TIME,
    .sample = sample,
};

void program_begin(void) {}

void program_poll(void) {}

#else

static bool answers;
static uint32_t tried_ms;
static uint32_t polled_ms;
static int32_t newest_infrared;

static uint16_t faults(void)
{
    if (!answers) {
        return FAULT_SENSOR;
    }
    return newest_infrared < NO_FINGER ? FAULT_PROBE_OFF : 0;
}

const struct program program = {
    .model = "pulse-oximeter",
    .streams = streams,
    .n_streams = 1,
    .capabilities = CAN_SET_TIME,
    .faults = faults,
};

static void fetch(void)
{
    uint8_t n_waiting = 0;
    uint8_t n_lost = 0;
    answers = max30102_waiting(&n_waiting, &n_lost);
    if (n_lost > 0) {
        device_lose(0, n_lost);
    }
    for (uint8_t i = 0; answers && i < n_waiting; i++) {
        int32_t counts[2];
        answers = max30102_take(&counts[0], &counts[1]);
        if (answers) {
            newest_infrared = counts[1];
            device_push(0, counts);
        }
    }
}

void program_begin(void)
{
    answers = max30102_begin();
}

void program_poll(void)
{
    uint32_t now = device_now_ms();
    if (answers && now - polled_ms >= MAX30102_PERIOD_MS) {
        polled_ms = now;
        fetch();
    } else if (!answers && now - tried_ms >= TRY_AGAIN_MS) {
        tried_ms = now;
        answers = max30102_begin();
    }
}

#endif
