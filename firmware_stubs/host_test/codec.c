/* Lines in, lines out, so that another language can compare: numbers are decimal, floats are their
 * bits, texts and counts hex.
 *
 *   hello SEQ MS STREAMS CAPABILITIES MAKER MODEL SERIAL FIRMWARE      (hex, - = empty)
 *   stream SEQ MS STREAM SIZE MILLIHZ {METRIC SCALE OFFSET}...
 *   samples SEQ MS STREAM INDEX COUNT BYTES HEX
 *   status SEQ MS BATTERY FAULTS
 *   numerics SEQ MS FLAGS UTC {METRIC QUALITY REASON VALUE}...
 *   text SEQ MS SEVERITY HEX
 *   reply SEQ MS COMMAND SEQ RESULT                    each: the frame in hex
 *   receive HEX                                        "TYPE SEQ HEX" of each command, then "."
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder.h"
#include "receiver.h"

static volatile uint8_t out_bytes[256];
static struct ring out;
static struct encoder encoder;
static char *words; /* what is left of the line */

static const char *word(void)
{
    char *found = strtok(words, " \n");
    words = NULL;
    return found;
}

static uint64_t number(void)
{
    const char *text = word();
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static float number_float(void)
{
    uint32_t bits = (uint32_t)number();
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static size_t hex_bytes(uint8_t *bytes)
{
    const char *hex = word();
    size_t n = 0;
    if (hex == NULL || hex[0] == '-') {
        return 0;
    }
    for (; hex[2 * n] != 0; n++) {
        char two[3] = {hex[2 * n], hex[2 * n + 1], 0};
        bytes[n] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

static const char *hex_text(char *text)
{
    text[hex_bytes((uint8_t *)text)] = 0;
    return text;
}

static bool hello(uint32_t ms)
{
    static char texts[4][600];
    uint8_t n_streams = (uint8_t)number();
    uint16_t capabilities = (uint16_t)number();
    struct identity identity;
    identity.maker = hex_text(texts[0]);
    identity.model = hex_text(texts[1]);
    identity.serial = hex_text(texts[2]);
    identity.firmware = hex_text(texts[3]);
    return encode_hello(&encoder, ms, n_streams, capabilities, &identity);
}

static bool stream(uint32_t ms)
{
    struct channel channels[16];
    uint8_t n = 0;
    uint8_t which = (uint8_t)number();
    uint8_t size = (uint8_t)number();
    uint32_t rate = (uint32_t)number();
    for (const char *metric = word(); metric != NULL && n < 16; metric = word(), n++) {
        channels[n].metric = (uint16_t)strtoul(metric, NULL, 10);
        channels[n].scale = number_float();
        channels[n].offset = number_float();
    }
    return encode_stream(&encoder, ms, which, size, rate, channels, n);
}

static bool samples(uint32_t ms)
{
    static volatile uint8_t ring_bytes[256];
    static uint8_t bytes[512];
    struct ring ring;
    uint8_t which = (uint8_t)number();
    uint32_t index = (uint32_t)number();
    uint8_t count = (uint8_t)number();
    uint8_t size = (uint8_t)number();
    ring_begin(&ring, ring_bytes, 255);
    size_t n = hex_bytes(bytes);
    for (size_t i = 0; i < n; i++) {
        (void)ring_put(&ring, bytes[i]);
    }
    return encode_samples(&encoder, ms, which, index, &ring, count, size);
}

static bool numerics(uint32_t ms)
{
    struct numeric values[29];
    uint8_t n = 0;
    uint8_t flags = (uint8_t)number();
    uint64_t utc_ms = number();
    for (const char *metric = word(); metric != NULL && n < 29; metric = word(), n++) {
        values[n].metric = (uint16_t)strtoul(metric, NULL, 10);
        values[n].quality_percent = (uint8_t)number();
        values[n].reason = (uint8_t)number();
        values[n].value = number_float();
    }
    return encode_numerics(&encoder, ms, flags, utc_ms, values, n);
}

static void receive(void)
{
    static uint8_t bytes[60000];
    struct receiver receiver;
    struct command command;
    receiver_begin(&receiver);
    size_t n = hex_bytes(bytes);
    for (size_t i = 0; i < n; i++) {
        bool found = receiver_feed(&receiver, bytes[i], &command);
        for (; found; found = receiver_next(&receiver, &command)) {
            printf("%u %u ", command.type, command.sequence);
            for (uint8_t at = 0; at < command.length; at++) {
                printf("%02x", command.payload[at]);
            }
            printf("\n");
        }
    }
    printf(".\n");
}

static bool encode(const char *what)
{
    encoder.sequence = (uint8_t)number();
    uint32_t ms = (uint32_t)number();
    if (strcmp(what, "hello") == 0) {
        return hello(ms);
    }
    if (strcmp(what, "stream") == 0) {
        return stream(ms);
    }
    if (strcmp(what, "samples") == 0) {
        return samples(ms);
    }
    if (strcmp(what, "numerics") == 0) {
        return numerics(ms);
    }
    uint64_t first = number();
    if (strcmp(what, "status") == 0) {
        return encode_status(&encoder, ms, (uint8_t)first, (uint16_t)number());
    }
    if (strcmp(what, "text") == 0) {
        static char text[600];
        return encode_text(&encoder, ms, (uint8_t)first, hex_text(text));
    }
    uint8_t sequence = (uint8_t)number();
    return encode_reply(&encoder, ms, (uint8_t)first, sequence, (uint8_t)number());
}

int main(void)
{
    static char line[130000];
    while (fgets(line, sizeof line, stdin) != NULL) {
        words = line;
        const char *what = word();
        uint8_t byte;
        if (what == NULL) {
            continue;
        }
        if (strcmp(what, "receive") == 0) {
            receive();
            continue;
        }
        ring_begin(&out, out_bytes, 255);
        encoder_begin(&encoder, &out);
        if (!encode(what)) {
            printf("refused");
        }
        while (ring_get(&out, &byte)) {
            printf("%02x", byte);
        }
        printf("\n");
    }
    return 0;
}
