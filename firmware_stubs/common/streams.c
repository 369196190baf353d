#include "streams.h"

#include <stddef.h>

#define MILLI_HZ 1000000UL /* rate in 1/1000 Hz x period in ms */
#define FRAME_MS 100U      /* a frame ten times a second: short delay, little overhead */
#define SAMPLES_HEAD 6U    /* stream, count, index */

enum phase { STOPPED, RUNNING, BROKEN };

struct state {
    struct ring ring;
    volatile uint8_t phase; /* enum phase */
    uint16_t period_ms;
    uint16_t countdown;
    uint32_t n_made;     /* samples since start, the lost ones too */
    uint32_t run_end;    /* n_made when the run broke */
    uint32_t last_ms;    /* when the newest sample in the ring was taken */
};

static const struct program *program;
static struct state states[MAX_STREAMS];
static volatile bool overrun;

static uint8_t sample_bytes(uint8_t stream)
{
    return (uint8_t)(program->streams[stream].n_channels * program->streams[stream].sample_size);
}

void streams_begin(const struct program *of)
{
    program = of;
    overrun = false;
    for (uint8_t i = 0; i < program->n_streams; i++) {
        struct state *state = &states[i];
        ring_begin(&state->ring, program->streams[i].bytes, program->streams[i].mask);
        state->phase = STOPPED;
        state->period_ms = program->streams[i].period_ms;
    }
}

void streams_tick(uint32_t now_ms)
{
    for (uint8_t i = 0; i < program->n_streams; i++) {
        struct state *state = &states[i];
        if (program->streams[i].own_clock || state->phase == (uint8_t)STOPPED) {
            continue;
        }
        state->countdown--;
        if (state->countdown > 0) {
            continue;
        }
        state->countdown = state->period_ms;
        int32_t counts[MAX_CHANNELS] = {0};
        if (program->sample(i, state->n_made * state->period_ms, counts)) {
            streams_push(i, counts, now_ms);
        } else {
            streams_lose(i, 1);
        }
    }
}

void streams_push(uint8_t stream, const int32_t *counts, uint32_t now_ms)
{
    const struct stream *about = &program->streams[stream];
    struct state *state = &states[stream];
    if (state->phase == (uint8_t)STOPPED) {
        return;
    }
    if (state->phase == (uint8_t)BROKEN || ring_room(&state->ring) < sample_bytes(stream)) {
        overrun = true;
        streams_lose(stream, 1);
        return;
    }
    for (uint8_t channel = 0; channel < about->n_channels; channel++) {
        uint32_t count = (uint32_t)counts[channel];
        for (uint8_t i = 0; i < about->sample_size; i++) {
            (void)ring_put(&state->ring, (uint8_t)(count & 0xFFU));
            count >>= 8;
        }
    }
    state->n_made++;
    state->last_ms = now_ms;
}

void streams_lose(uint8_t stream, uint8_t n_samples)
{
    struct state *state = &states[stream];
    if (state->phase == (uint8_t)RUNNING) {
        state->phase = BROKEN;
        state->run_end = state->n_made;
    }
    state->n_made += n_samples;
}

static enum result switch_one(uint8_t stream, bool on)
{
    struct state *state = &states[stream];
    if (on == (state->phase != (uint8_t)STOPPED)) {
        return RESULT_DONE;
    }
    if (on && ring_used(&state->ring) > 0) {
        return RESULT_BUSY; /* the end of the run before is still on its way out */
    }
    board_lock();
    if (on) {
        state->n_made = 0;
        state->countdown = state->period_ms;
        state->phase = RUNNING;
    } else {
        if (state->phase == (uint8_t)RUNNING) {
            state->run_end = state->n_made;
        }
        state->phase = STOPPED;
    }
    board_unlock();
    return RESULT_DONE;
}

enum result streams_switch(uint8_t stream, bool on)
{
    enum result result = RESULT_DONE;
    if (stream != ALL_STREAMS) {
        return stream < program->n_streams ? switch_one(stream, on) : RESULT_BAD_ARGUMENT;
    }
    for (uint8_t i = 0; i < program->n_streams; i++) {
        if (switch_one(i, on) == RESULT_BUSY) {
            result = RESULT_BUSY;
        }
    }
    return result;
}

static uint8_t frame_samples(uint8_t stream)
{
    uint8_t bytes = sample_bytes(stream);
    uint16_t most = (uint16_t)(FRAME_MS / states[stream].period_ms);
    uint8_t payload = (uint8_t)((MAX_PAYLOAD - SAMPLES_HEAD) / bytes);
    /* half of the ring: the other half fills while the frame waits for its turn */
    uint8_t half = (uint8_t)(program->streams[stream].mask / bytes / 2U);
    most = most > payload ? payload : most;
    most = most > half ? half : most;
    return (uint8_t)(most > 0 ? most : 1U);
}

/* Send frames of one stream; with `all`, down to the last sample. */
static bool send_one(uint8_t stream, struct encoder *encoder, bool all)
{
    struct state *state = &states[stream];
    uint8_t bytes = sample_bytes(stream);
    uint8_t full = frame_samples(stream);
    for (;;) {
        board_lock();
        bool running = state->phase == (uint8_t)RUNNING;
        uint8_t waiting = (uint8_t)(ring_used(&state->ring) / bytes);
        uint32_t first = (running ? state->n_made : state->run_end) - waiting;
        uint32_t first_ms = state->last_ms - (uint32_t)(waiting - 1U) * state->period_ms;
        if (waiting == 0 && state->phase == (uint8_t)BROKEN) {
            state->phase = RUNNING;
        }
        board_unlock();
        uint8_t count = waiting < full ? waiting : full;
        if (count == 0 || (count < full && running && !all)) {
            return true;
        }
        if (!encode_samples(encoder, first_ms, stream, first, &state->ring, count, bytes)) {
            return false;
        }
    }
}

bool streams_send(struct encoder *encoder)
{
    for (uint8_t i = 0; i < program->n_streams; i++) {
        if (!send_one(i, encoder, false)) {
            return false;
        }
    }
    return true;
}

enum result streams_set_rate(uint8_t stream, uint32_t rate_mhz, struct encoder *encoder)
{
    if (stream >= program->n_streams || rate_mhz == 0 || MILLI_HZ % rate_mhz != 0) {
        return RESULT_BAD_ARGUMENT;
    }
    uint32_t period_ms = MILLI_HZ / rate_mhz;
    if (period_ms < program->streams[stream].shortest_period_ms
        || period_ms > program->streams[stream].longest_period_ms) {
        return RESULT_BAD_ARGUMENT;
    }
    if (!send_one(stream, encoder, true)) {
        return RESULT_BUSY; /* samples of the old rate must leave before the new STREAM */
    }
    board_lock();
    states[stream].period_ms = (uint16_t)period_ms;
    states[stream].countdown = (uint16_t)period_ms;
    board_unlock();
    return RESULT_DONE;
}

bool streams_describe(uint8_t stream, struct encoder *encoder, uint32_t now_ms)
{
    const struct stream *about = &program->streams[stream];
    return encode_stream(encoder, now_ms, stream, about->sample_size,
                         MILLI_HZ / states[stream].period_ms, about->channels, about->n_channels);
}

bool streams_overrun(void)
{
    bool found = overrun;
    overrun = false;
    return found;
}
