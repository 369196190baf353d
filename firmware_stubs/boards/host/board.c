/* The machine you build on: the port is a pseudo-terminal, whose name is printed first, and the
 * interrupts are called by board_wait, at its own pace. Runs until it is ended or its input closes.
 *
 *   $ build/host/ecg_patch
 *   /dev/pts/7
 */
#define _GNU_SOURCE
#include "board.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../../emulators/terminal.h"
#include "device.h"

#define LATE_MS 1000U /* a machine that slept: go on from now instead of racing after */

static int port;
static uint64_t ticked_ms;

static uint64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

enum reset_cause board_reset_cause(void)
{
    return CAUSE_POWER_ON;
}

void board_begin(void)
{
    int other_end;
    port = terminal_open(&other_end);
    ticked_ms = clock_ms();
}

void board_lock(void) {}

void board_unlock(void) {}

void board_transmit(void)
{
    uint8_t byte;
    while (device_transmit(&byte)) {
        /* as on a wire, what nobody reads is lost */
        if (write(port, &byte, 1) < 0 && errno != EAGAIN) {
            exit(1);
        }
    }
}

static void receive(void)
{
    uint8_t bytes[32];
    ssize_t n = read(port, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) {
        device_receive(bytes[i]);
    }
}

void board_wait(void)
{
    struct pollfd ends[2] = {{port, POLLIN, 0}, {STDIN_FILENO, 0, 0}};
    if (poll(ends, 2, 1) > 0) {
        if ((ends[1].revents & POLLHUP) != 0) {
            exit(0); /* whoever started it is gone */
        }
        receive();
    }
    uint64_t now_ms = clock_ms();
    if (now_ms - ticked_ms > LATE_MS) {
        ticked_ms = now_ms - 1;
    }
    while (ticked_ms < now_ms) {
        ticked_ms++;
        device_tick();
    }
}

void board_light(bool on)
{
    (void)fputs(on ? "light on\n" : "light off\n", stderr);
}

const char *board_serial(void)
{
    return "host";
}
