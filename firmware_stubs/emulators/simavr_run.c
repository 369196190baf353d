/* Runs an ATmega328P program on simavr in real time, its UART at a pseudo-terminal.
 *
 *   simavr_run PROGRAM.elf      prints the name of the port, then obeys lines at its input:
 *     analog N       N mV at input A0
 *     leads N        LO+ and LO-: bit 0 and 1 of N
 *     brownout N     after N more bytes of the UART the supply fails: memory is garbage, then reset
 *     reset          the reset button
 *     say HEX        these bytes come in at the UART, besides those of the port
 *     stack          print the deepest stack so far, in bytes
 * and ends with its input. A host that does not read loses what follows, as on a wire.
 *
 * simavr's own uart_pty is not used: it leaves links in /tmp that two runs would share, and it paces
 * the chip by sleeping for the idle cycles only, so a busy program drifts. */
#define _GNU_SOURCE
#include <poll.h>
#include <simavr/avr_adc.h>
#include <simavr/avr_ioport.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_regbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "terminal.h"

#define CLOCK_HZ 16000000UL
#define POLL_CYCLES (CLOCK_HZ / 1000)
#define PAINT 0xC3
#define RAM_START 0x100U
#define UNREAD_MOST 3000 /* a USB adapter keeps about so much for a host that does not read */
#define LATE_NS 100000000LL /* when this machine falls behind: go on from now, do not race */

static avr_t *avr;
static avr_irq_t *uart_in;
static int port;
static int other_end;
static unsigned stack_bottom; /* first address above .bss */
static int may_receive;
static long brown_out_in = -1;
static int brown_out_now;
static uint8_t said[256];
static size_t n_said;

static void on_byte(struct avr_irq_t *irq, uint32_t value, void *unused)
{
    uint8_t byte = (uint8_t)value;
    (void)irq;
    (void)unused;
    if (brown_out_now) {
        return;
    }
    int n_unread = 0;
    (void)ioctl(other_end, FIONREAD, &n_unread);
    if (n_unread < UNREAD_MOST && write(port, &byte, 1) != 1) {
        perror("port");
    }
    if (brown_out_in > 0 && --brown_out_in == 0) {
        brown_out_now = 1;
    }
}

static void on_xon(struct avr_irq_t *irq, uint32_t value, void *state)
{
    (void)irq;
    (void)value;
    may_receive = state != NULL;
}

static void brown_out(void)
{
    for (unsigned at = RAM_START; at <= avr->ramend; at++) {
        avr->data[at] = (uint8_t)rand();
    }
    avr_reset(avr);
    avr_regbit_set(avr, avr->reset_flags.borf);
    brown_out_now = 0;
    brown_out_in = -1;
}

static void print_stack(void)
{
    unsigned at = stack_bottom;
    while (at <= avr->ramend && avr->data[at] == PAINT) {
        at++;
    }
    printf("stack %u\n", avr->ramend + 1 - at);
}

static void obey(const char *line)
{
    long number = 0;
    (void)sscanf(line, "%*s %ld", &number);
    if (strncmp(line, "analog", 6) == 0) {
        avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0), (uint32_t)number);
    } else if (strncmp(line, "leads", 5) == 0) {
        avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 2), number & 1);
        avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 3), number >> 1 & 1);
    } else if (strncmp(line, "brownout", 8) == 0) {
        brown_out_in = number;
    } else if (strncmp(line, "reset", 5) == 0) {
        avr_reset(avr);
        avr_regbit_set(avr, avr->reset_flags.extrf);
    } else if (strncmp(line, "say ", 4) == 0) {
        unsigned byte;
        for (line += 4; n_said < sizeof said && sscanf(line, "%2x", &byte) == 1; line += 2) {
            said[n_said++] = (uint8_t)byte;
        }
    } else if (strncmp(line, "stack", 5) == 0) {
        print_stack();
    }
}

/* Lines of the input, whole ones only; false: it has ended. */
static int take_orders(void)
{
    static char line[300];
    static size_t used;
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    while (poll(&input, 1, 0) > 0) {
        if (read(STDIN_FILENO, line + used, 1) != 1) {
            return 0;
        }
        if (line[used] == '\n') {
            line[used] = 0;
            used = 0;
            obey(line);
        } else if (used < sizeof line - 2) {
            used++;
        }
    }
    return 1;
}

static void keep_pace(void)
{
    static long long ahead_ns; /* real time of cycle 0 */
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long long real_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    long long due_ns = ahead_ns + (long long)(avr->cycle * (1000000000UL / CLOCK_HZ)
                                              + avr->cycle * (1000000000UL % CLOCK_HZ) / CLOCK_HZ);
    if (real_ns - due_ns > LATE_NS) {
        ahead_ns += real_ns - due_ns;
    } else if (due_ns > real_ns) {
        struct timespec rest = {0, (long)(due_ns - real_ns)};
        (void)nanosleep(&rest, NULL);
    }
}

static void no_sleep(avr_t *chip, avr_cycle_count_t cycles)
{
    (void)chip;
    (void)cycles; /* keep_pace does it */
}

static void connect_uart(void)
{
    static int yes;
    uint32_t flags = 0;
    (void)avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)AVR_UART_FLAG_STDIO;
    (void)avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    uart_in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_byte,
                            NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), on_xon,
                            &yes);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF),
                            on_xon, NULL);
}

static void load(const char *path)
{
    elf_firmware_t firmware;
    memset(&firmware, 0, sizeof firmware);
    if (elf_read_firmware(path, &firmware) != 0) {
        fprintf(stderr, "%s: not an AVR program\n", path);
        exit(1);
    }
    avr = avr_make_mcu_by_name("atmega328p");
    avr_init(avr);
    firmware.frequency = CLOCK_HZ;
    avr_load_firmware(avr, &firmware);
    avr->vcc = avr->avcc = 5000;
    avr->aref = 3300;
    avr->log = LOG_ERROR;
    avr->sleep = no_sleep;
    stack_bottom = RAM_START + firmware.datasize + firmware.bsssize;
    memset(avr->data + stack_bottom, PAINT, avr->ramend + 1 - stack_bottom);
    avr_regbit_set(avr, avr->reset_flags.porf);
}

static void receive(void)
{
    uint8_t byte;
    size_t at = 0;
    for (; may_receive && at < n_said; at++) {
        avr_raise_irq(uart_in, said[at]);
    }
    n_said -= at;
    memmove(said, said + at, n_said);
    while (may_receive && n_said == 0 && read(port, &byte, 1) == 1) {
        avr_raise_irq(uart_in, byte);
    }
}

int main(int n_arguments, char **arguments)
{
    if (n_arguments != 2) {
        fprintf(stderr, "usage: simavr_run PROGRAM.elf\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    load(arguments[1]);
    connect_uart();
    port = terminal_open(&other_end);
    avr_cycle_count_t polled = 0;
    while (take_orders()) {
        while (avr->cycle - polled < POLL_CYCLES && !brown_out_now) {
            int state = avr_run(avr);
            if (state == cpu_Done || state == cpu_Crashed) {
                fprintf(stderr, "the chip has stopped\n");
                return 1;
            }
        }
        polled = avr->cycle;
        if (brown_out_now) {
            brown_out();
        }
        receive();
        keep_pace();
    }
    return 0;
}
