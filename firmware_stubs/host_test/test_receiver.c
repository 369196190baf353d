/* The receiver finds every golden command, whole, in pieces and between garbage. */
#include <string.h>

#include "check.h"
#include "receiver.h"

#ifndef GOLDEN
#define GOLDEN "../tests/golden/framed.hex"
#endif

static struct receiver receiver;
static struct command command;

static uint8_t from_hex(const char *hex)
{
    char two[3] = {hex[0], hex[1], 0};
    return (uint8_t)strtoul(two, NULL, 16);
}

/* Feed bytes; how many commands they gave. Every command given is the last in `command`. */
static int feed(const uint8_t *bytes, size_t n)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        if (receiver_feed(&receiver, bytes[i], &command)) {
            do {
                found++;
            } while (receiver_next(&receiver, &command));
        }
    }
    return found;
}

static size_t golden(const char *meaning, uint8_t *bytes)
{
    char line[2000];
    FILE *file = fopen(GOLDEN, "r");
    size_t n = 0;
    CHECK(file != NULL);
    while (n == 0 && fgets(line, sizeof line, file) != NULL) {
        char *bar = strstr(line, " | ");
        if (bar != NULL && strncmp(bar + 3, meaning, strlen(meaning)) == 0) {
            for (const char *at = line; at < bar; at += 2) {
                bytes[n++] = from_hex(at);
            }
        }
    }
    (void)fclose(file);
    CHECK(n > 0);
    return n;
}

static const struct {
    const char *meaning;
    uint8_t type, sequence, length;
} commands[] = {
    {"IDENTIFY seq 0", FRAME_IDENTIFY, 0, 0}, {"START seq 1", FRAME_START, 1, 1},
    {"STOP seq 2", FRAME_STOP, 2, 1},         {"SET_TIME seq 3", FRAME_SET_TIME, 3, 8},
    {"SET_RATE seq 4", FRAME_SET_RATE, 4, 5}, {"MEASURE seq 5", FRAME_MEASURE, 5, 2},
};

static void golden_commands_are_understood(void)
{
    uint8_t bytes[300];
    receiver_begin(&receiver);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        size_t n = golden(commands[i].meaning, bytes);
        CHECK(feed(bytes, n - 1) == 0);
        CHECK(feed(bytes + n - 1, 1) == 1);
        CHECK(command.type == commands[i].type && command.sequence == commands[i].sequence);
        CHECK(command.length == commands[i].length);
        if (command.type == (uint8_t)FRAME_SET_TIME) {
            CHECK(payload_u32(command.payload) == (1700000000000U & 0xFFFFFFFFU));
            CHECK(payload_u32(command.payload + 4) == 1700000000000U >> 32);
        }
        if (command.type == (uint8_t)FRAME_SET_RATE) {
            CHECK(payload_u32(command.payload + 1) == 250000);
        }
    }
    CHECK(receiver.n_skipped == 0);
}

static void golden_frames_of_devices_are_passed_over(void)
{
    uint8_t bytes[300];
    receiver_begin(&receiver);
    size_t n = golden("REPLY seq 9", bytes);
    CHECK(feed(bytes, n) == 0 && receiver.used == 0 && receiver.n_skipped == 0);
    n = golden("HELLO seq 0", bytes); /* too long for us: garbage, skipped byte by byte */
    CHECK(feed(bytes, n) == 0 && receiver.n_skipped > 0);
    n = golden("START seq 1", bytes);
    CHECK(feed(bytes, n) == 1);
}

static void garbage_is_skipped_byte_by_byte(void)
{
    static const uint8_t garbage[] = {0x00, 0xA5, 0xA5, 0x5A, 0x11, 0x81, 0xA5, 0x5A, 0x01, 0x81,
                                      0xA5, 0x5A, 0x00, 0x81, 0xA5};
    uint8_t bytes[300];
    size_t n = golden("SET_TIME seq 3", bytes);
    receiver_begin(&receiver);
    CHECK(feed(garbage, sizeof garbage) == 0);
    CHECK(feed(bytes, n) == 1 && command.type == (uint8_t)FRAME_SET_TIME);
    CHECK(receiver.n_skipped == sizeof garbage);
}

static void one_wrong_bit_is_never_a_command(void)
{
    uint8_t bytes[300];
    size_t n = golden("SET_RATE seq 4", bytes);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        receiver_begin(&receiver);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        CHECK(feed(bytes, n) == 0);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)receiver_flush(&receiver, &command);
        CHECK(feed(bytes, n) == 1);
    }
}

static void repeated_bytes_of_the_link_are_dropped(void)
{
    uint8_t bytes[300];
    size_t n = golden("START seq 1", bytes);
    receiver_begin(&receiver);
    CHECK(feed(bytes, n) == 1);
    CHECK(feed(bytes, n) == 0);
    n = golden("STOP seq 2", bytes);
    CHECK(feed(bytes, n) == 1);
    n = golden("START seq 1", bytes);
    CHECK(feed(bytes, n) == 1);
}

static void a_command_behind_a_half_one_is_found_after_silence(void)
{
    static const uint8_t half[] = {0xA5, 0x5A, 0x10, 0x99, 1, 2, 3};
    uint8_t bytes[300];
    size_t n = golden("IDENTIFY seq 0", bytes);
    receiver_begin(&receiver);
    CHECK(!receiver_flush(&receiver, &command));
    CHECK(feed(half, sizeof half) == 0 && feed(bytes, n) == 0);
    CHECK(receiver_flush(&receiver, &command) && command.type == (uint8_t)FRAME_IDENTIFY);
    CHECK(!receiver_flush(&receiver, &command) && receiver.used == 0);
    CHECK(feed(half, sizeof half) == 0);
    CHECK(!receiver_flush(&receiver, &command) && receiver.used == 0);
}

static void the_skip_counter_stops_at_its_end(void)
{
    receiver_begin(&receiver);
    for (int32_t i = 0; i < 70000; i++) {
        CHECK(!receiver_feed(&receiver, 0, &command));
    }
    CHECK(receiver.n_skipped == 0xFFFF);
}

int main(void)
{
    RUN(golden_commands_are_understood);
    RUN(golden_frames_of_devices_are_passed_over);
    RUN(garbage_is_skipped_byte_by_byte);
    RUN(one_wrong_bit_is_never_a_command);
    RUN(repeated_bytes_of_the_link_are_dropped);
    RUN(a_command_behind_a_half_one_is_found_after_silence);
    RUN(the_skip_counter_stops_at_its_end);
    return 0;
}
