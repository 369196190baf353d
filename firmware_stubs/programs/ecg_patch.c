/* An ECG patch: an AD8232 front end at the analog input, lead II, 250 Hz.
 *
 * The AD8232 as its data sheet and the usual breakout boards wire it amplifies 1100 times around half
 * of 3.3 V: one count is 3300 mV / 1023 / 1100, and 1650 mV / 1100 = 1.5 mV lie below zero. */
#include "program.h"
#include "test_signal.h"

static volatile uint8_t bytes[128]; /* 63 samples: a quarter of a second at 250 Hz */
static const struct channel channels[] = {{METRIC_ECG_II, 3.0F / 1023.0F, -1.5F}};
static const struct stream streams[] = {{
    .channels = channels,
    .n_channels = 1,
    .sample_size = 2,
    .period_ms = 4,
    .shortest_period_ms = 1,
    .longest_period_ms = 8, /* 125 Hz: slower smears the QRS */
    .bytes = bytes,
    .mask = sizeof bytes - 1U,
}};

static bool sample(uint8_t stream, uint32_t at_ms, int32_t *counts)
{
    (void)stream;
#if TEST_SIGNAL
    counts[0] = test_ecg(at_ms);
    return true;
#else
    (void)at_ms;
    counts[0] = board_analog();
    return !board_leads_off(); /* without electrodes it is noise: a gap says so */
#endif
}

#if !TEST_SIGNAL
static uint16_t faults(void)
{
    return board_leads_off() ? FAULT_LEAD_OFF : 0;
}
#endif

const struct program program = {
    .model = "ecg-patch",
    .streams = streams,
    .n_streams = 1,
    .capabilities = CAN_SET_TIME | CAN_SET_RATE,
    .sample = sample,
#if TEST_SIGNAL
    .notice = TEST_NOTICE,
#else
    .faults = faults,
#endif
};

void program_begin(void) {}

void program_poll(void) {}
