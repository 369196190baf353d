/* The encoder makes every golden frame of the device, and refuses what is none. */
#include <string.h>

#include "check.h"
#include "encoder.h"

#ifndef GOLDEN
#define GOLDEN "../tests/golden/framed.hex"
#endif

static volatile uint8_t out_bytes[256];
static struct ring out;
static struct encoder encoder;

static void afresh(uint8_t sequence)
{
    ring_begin(&out, out_bytes, 255);
    encoder_begin(&encoder, &out);
    encoder.sequence = sequence;
}

/* The hex of the golden line whose meaning begins so. */
static void golden(const char *meaning, char *hex)
{
    char line[2000];
    FILE *file = fopen(GOLDEN, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        char *bar = strstr(line, " | ");
        if (bar != NULL && strncmp(bar + 3, meaning, strlen(meaning)) == 0) {
            *bar = 0;
            strcpy(hex, line);
            (void)fclose(file);
            return;
        }
    }
    fprintf(stderr, "no golden line '%s'\n", meaning);
    exit(1);
}

static void check_golden(const char *meaning)
{
    char hex[600];
    char mine[600] = "";
    uint8_t byte;
    golden(meaning, hex);
    for (size_t at = 0; ring_get(&out, &byte); at += 2) {
        (void)snprintf(mine + at, 3, "%02x", byte);
    }
    if (strcmp(hex, mine) != 0) {
        fprintf(stderr, "%s:\n%s\n%s\n", meaning, hex, mine);
        exit(1);
    }
}

static void hello_stream_and_text_are_golden(void)
{
    struct identity identity = {"Teleward", "ecg-patch", "0001", "1.0"};
    struct channel ecg = {65, 0.0025F, 0};
    struct channel light[] = {{70, 1, 0}, {71, 0.5F, -100}};
    afresh(0);
    CHECK(encode_hello(&encoder, 1500, 1, CAN_SET_TIME | CAN_SET_RATE, &identity));
    check_golden("HELLO seq 0");
    CHECK(encode_stream(&encoder, 1501, 0, 2, 250000, &ecg, 1));
    check_golden("STREAM seq 1");
    CHECK(encode_stream(&encoder, 1502, 1, 4, 62500, light, 2));
    check_golden("STREAM seq 2");
    afresh(8);
    CHECK(encode_text(&encoder, 2300, SEVERITY_WARNING, "battery low: 5 \xC2\xB0"
                                                        "C"));
    check_golden("TEXT seq 8");
}

static void put(struct ring *ring, int32_t count, uint8_t size)
{
    for (uint8_t i = 0; i < size; i++) {
        CHECK(ring_put(ring, (uint8_t)((uint32_t)count >> 8 * i & 0xFFU)));
    }
}

static void samples_are_golden(void)
{
    static const int16_t shorts[] = {0, -1, 400, -32768, 32767};
    static const int32_t longs[] = {100000, -100000, 2147483647, -2147483647 - 1};
    volatile uint8_t bytes[64];
    struct ring samples;
    ring_begin(&samples, bytes, 63);
    for (int i = 0; i < 5; i++) {
        put(&samples, shorts[i], 2);
    }
    afresh(3);
    CHECK(encode_samples(&encoder, 1600, 0, 1000, &samples, 5, 2));
    check_golden("SAMPLES seq 3");
    for (int i = 0; i < 4; i++) {
        put(&samples, longs[i], 4);
    }
    afresh(255);
    CHECK(!encode_samples(&encoder, 0, 1, 0, &samples, 3, 8)); /* only two are there */
    CHECK(!encode_samples(&encoder, 0, 1, 0, &samples, 0, 8));
    CHECK(encode_samples(&encoder, 0xFFFFFFFF, 1, 0xFFFFFFFF, &samples, 2, 8));
    check_golden("SAMPLES seq 255");
    CHECK(encoder.sequence == 0);
}

static void status_numerics_and_replies_are_golden(void)
{
    struct numeric vitals[] = {{1, 95, 0, 72}, {3, UNKNOWN, REASON_PROBE_OFF, 98}};
    struct numeric cuff[] = {{7, UNKNOWN, 0, 120}, {8, UNKNOWN, 0, 79}, {9, UNKNOWN, 0, 93}};
    afresh(4);
    CHECK(encode_status(&encoder, 2000, 87, 0));
    check_golden("STATUS seq 4");
    CHECK(encode_status(&encoder, 2000, UNKNOWN, FAULT_LEAD_OFF | FAULT_MOTION));
    check_golden("STATUS seq 5");
    CHECK(encode_numerics(&encoder, 2100, 0, 0, vitals, 2));
    check_golden("NUMERICS seq 6");
    CHECK(encode_numerics(&encoder, 2200, 7, 1700000000000U, cuff, 3));
    check_golden("NUMERICS seq 7");
    afresh(9);
    CHECK(encode_reply(&encoder, 2400, FRAME_START, 200, RESULT_DONE));
    check_golden("REPLY seq 9");
    CHECK(encode_reply(&encoder, 2401, FRAME_SET_RATE, 201, RESULT_BAD_ARGUMENT));
    check_golden("REPLY seq 10");
}

static void without_room_nothing_is_written(void)
{
    struct identity identity = {"", "", "", ""};
    struct channel channel = {1, 1, 0};
    struct numeric numeric = {1, 0, 0, 0};
    volatile uint8_t bytes[4];
    struct ring samples;
    ring_begin(&samples, bytes, 3);
    put(&samples, 7, 2);
    ring_begin(&out, out_bytes, 7);
    encoder_begin(&encoder, &out);
    CHECK(!encode_hello(&encoder, 0, 0, 0, &identity));
    CHECK(!encode_stream(&encoder, 0, 0, 2, 1, &channel, 1));
    CHECK(!encode_samples(&encoder, 0, 0, 0, &samples, 1, 2));
    CHECK(!encode_status(&encoder, 0, 0, 0));
    CHECK(!encode_numerics(&encoder, 0, 0, 0, &numeric, 1));
    CHECK(!encode_text(&encoder, 0, 0, "x"));
    CHECK(!encode_reply(&encoder, 0, 0, 0, 0));
    CHECK(ring_used(&out) == 0 && encoder.sequence == 0 && ring_used(&samples) == 2);
}

static void what_no_frame_holds_is_refused(void)
{
    struct numeric many[31] = {{1, 0, 0, 0}};
    struct channel channels[24] = {{1, 1, 0}};
    afresh(0);
    CHECK(!encode_numerics(&encoder, 0, 0, 0, many, 0));
    CHECK(!encode_numerics(&encoder, 0, 0, 0, many, 30)); /* 241 bytes */
    CHECK(encode_numerics(&encoder, 0, 0, 0, many, 29));
    afresh(0);
    CHECK(!encode_stream(&encoder, 0, 0, 2, 1, channels, 24)); /* 248 bytes */
}

static void long_texts_are_cut_between_characters(void)
{
    char text[300];
    uint8_t byte;
    memset(text, 'a', sizeof text);
    text[299] = 0;
    memcpy(text + 238, "\xC2\xB0", 2); /* would end at byte 240, one too far */
    afresh(0);
    CHECK(encode_text(&encoder, 0, 0, text));
    CHECK(ring_used(&out) == OVERHEAD + 1 + 238);
    text[238] = 'a';
    text[239] = 'a';
    afresh(0);
    CHECK(encode_text(&encoder, 0, 0, text));
    CHECK(ring_used(&out) == OVERHEAD + 240);
    memset(text, '\x80', 41); /* no character begins: nothing is left */
    afresh(0);
    struct identity identity = {text, "m", "s", "f"};
    CHECK(encode_hello(&encoder, 0, 0, 0, &identity));
    for (int i = 0; i < 9 + 4; i++) {
        CHECK(ring_get(&out, &byte));
    }
    CHECK(ring_get(&out, &byte) && byte == 0);
}

int main(void)
{
    RUN(hello_stream_and_text_are_golden);
    RUN(samples_are_golden);
    RUN(status_numerics_and_replies_are_golden);
    RUN(without_room_nothing_is_written);
    RUN(what_no_frame_holds_is_refused);
    RUN(long_texts_are_cut_between_characters);
    return 0;
}
