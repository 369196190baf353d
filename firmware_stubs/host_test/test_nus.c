/* The portable part of the boards with a radio: bytes to notifications, writes to commands. */
#include <string.h>

#include "check.h"
#include "device.h"
#include "listener.h"
#include "model_board.h"
#include "nus.h"

static const struct program program = {.model = "radio"};
static uint8_t sent[2000];
static size_t n_sent;
static uint8_t largest;
static int refuse_after;

static bool notify(const uint8_t *bytes, uint8_t n)
{
    if (refuse_after == 0) {
        return false;
    }
    refuse_after--;
    memcpy(sent + n_sent, bytes, n);
    n_sent += n;
    largest = n > largest ? n : largest;
    return true;
}

static void begin(uint16_t mtu)
{
    model_board_begin();
    device_begin(&program, CAUSE_POWER_ON);
    n_sent = largest = 0;
    refuse_after = -1;
    nus_closed();
    nus_opened(mtu);
}

static void pieces_fit_the_mtu_and_lose_nothing(void)
{
    uint8_t whole[2000];
    size_t n_whole;
    static const uint16_t mtus[] = {23, 50, 247, 517, 5};
    begin(247);
    pass_ms(1);
    nus_send(notify);
    n_whole = n_sent;
    memcpy(whole, sent, n_whole);
    CHECK(n_whole > 60);
    for (size_t i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
        begin(mtus[i]);
        pass_ms(1);
        refuse_after = 1; /* the queue takes one piece at a time */
        for (int turn = 0; turn < 20; turn++, refuse_after = 1) {
            nus_send(notify);
        }
        CHECK(largest <= (mtus[i] < 23 ? 20 : mtus[i] > 247 ? 244 : mtus[i] - 3));
        CHECK(n_sent == n_whole && memcmp(sent, whole, n_whole) == 0);
    }
}

static void a_smaller_mtu_cuts_what_was_taken_already(void)
{
    begin(247);
    pass_ms(1);
    refuse_after = 0;
    nus_send(notify);
    nus_mtu(23);
    refuse_after = -1;
    nus_send(notify);
    CHECK(largest == 20 && n_sent > 60);
}

static void without_a_host_bytes_are_thrown_away(void)
{
    uint8_t byte;
    begin(23);
    nus_closed();
    pass_ms(1);
    nus_send(notify);
    CHECK(n_sent == 0 && !device_transmit(&byte));
}

static void writes_are_commands(void)
{
    static const uint8_t identify[] = {0xA5, 0x5A, 0, 0x81, 0, 0, 0, 0, 0, 0x4E, 0x60};
    begin(247);
    pass_ms(2);
    nus_send(notify);
    n_sent = 0;
    nus_received(identify, 5);
    nus_received(identify + 5, 6);
    pass_ms(1);
    nus_send(notify);
    CHECK(sent[3] == FRAME_REPLY && sent[9] == FRAME_IDENTIFY && model_board.light);
}

static void it_advertises_what_the_gateway_looks_for(void)
{
    uint8_t bytes[31];
    CHECK(nus_advertisement(bytes) == 21 && bytes[3] == 17 && bytes[4] == 7);
    CHECK(bytes[5] == 0x9E && bytes[17] == 0x01 && bytes[20] == 0x6E);
    CHECK(nus_scan_response(bytes, "0001") == 15 && memcmp(bytes + 2, "Teleward 0001", 13) == 0);
    CHECK(bytes[0] == 14);
    CHECK(nus_scan_response(bytes, "a serial number too long for the air") == 31);
}

int main(void)
{
    RUN(pieces_fit_the_mtu_and_lose_nothing);
    RUN(a_smaller_mtu_cuts_what_was_taken_already);
    RUN(without_a_host_bytes_are_thrown_away);
    RUN(writes_are_commands);
    RUN(it_advertises_what_the_gateway_looks_for);
    return 0;
}
