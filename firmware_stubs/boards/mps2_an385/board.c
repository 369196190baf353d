/* Arm MPS2 board with the AN385 image (Cortex-M3, 25 MHz), which QEMU emulates: `-M mps2-an385`.
 * Registers: Arm "Cortex-M System Design Kit" (UART, timer) and DAI0385 (map). It has no analog input,
 * so the ECG patch says lead_off here unless it is built with the test signal. */
#include "board.h"

#include <stddef.h>

#include "device.h"

#define CLOCK_HZ 25000000UL
#define BAUD 115200UL
#define MOST_TICKS 8U /* makes good eight times as fast as time passes */
#define REGISTER(address) (*(volatile uint32_t *)(address))

#define UART_DATA REGISTER(0x40004000)
#define UART_STATE REGISTER(0x40004004)
#define UART_CONTROL REGISTER(0x40004008)
#define UART_INTERRUPT REGISTER(0x4000400C)
#define UART_BAUD REGISTER(0x40004010)
#define UART_FULL 1U  /* of UART_STATE: the transmit buffer */
#define UART_SENT 1U  /* of UART_INTERRUPT */
#define UART_CAME 2U
#define UART_ENABLE 0x0FU /* both ways, both interrupts */

#define TIMER_CONTROL REGISTER(0x40000000) /* timer 0 runs freely: 172 s from wrap to wrap */
#define TIMER_VALUE REGISTER(0x40000004)
#define TIMER_RELOAD REGISTER(0x40000008)

#define SYSTICK_CONTROL REGISTER(0xE000E010)
#define SYSTICK_RELOAD REGISTER(0xE000E014)
#define SYSTICK_VALUE REGISTER(0xE000E018)
#define INTERRUPT_ENABLE REGISTER(0xE000E100)
#define INTERRUPT_PENDING REGISTER(0xE000E200)
#define UART0_RECEIVE 1U /* bits of interrupts 0 and 1 */
#define UART0_TRANSMIT 2U

#define LIGHTS REGISTER(0x40028000) /* FPGAIO LED0 */
#define I2C_SET REGISTER(0x40022000) /* SBCon: bit 0 clock, bit 1 data */
#define I2C_CLEAR REGISTER(0x40022004)
#define I2C_CLOCK 1U
#define I2C_DATA 2U

#ifndef SERIAL_NUMBER
#define SERIAL_NUMBER "0001"
#endif

extern uint32_t data_start, data_end, bss_start, bss_end;
extern const uint32_t data_image;
extern uint32_t stack_top;

int main(void);
void board_reset(void);

static uint32_t ticked_at;

/* The tick is counted by the free timer: an interrupt that an emulator or a debugger held up is made
 * good here, so that device_tick is called once for each millisecond. A few at a time: between two
 * interrupts the main loop must empty the ring of samples. */
static void on_systick(void)
{
    uint8_t n_ticks = MOST_TICKS;
    while (n_ticks > 0 && (uint32_t)(ticked_at - TIMER_VALUE) >= CLOCK_HZ / 1000U) {
        n_ticks--;
        ticked_at -= CLOCK_HZ / 1000U;
        device_tick();
    }
}

static void on_receive(void)
{
    UART_INTERRUPT = UART_CAME;
    device_receive((uint8_t)UART_DATA);
}

static void on_transmit(void)
{
    uint8_t byte;
    UART_INTERRUPT = UART_SENT;
    if ((UART_STATE & UART_FULL) == 0 && device_transmit(&byte)) {
        UART_DATA = byte;
    }
}

static void on_nothing(void)
{
    for (;;) {
    }
}

typedef void (*vector)(void);

struct vectors {
    uint32_t *stack;
    vector system[15];
    vector interrupts[2];
};

__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    &stack_top,
    {board_reset, on_nothing, on_nothing, on_nothing, on_nothing, on_nothing, NULL, NULL, NULL, NULL,
     on_nothing, on_nothing, NULL, on_nothing, on_systick},
    {on_receive, on_transmit},
};

void board_reset(void)
{
    const uint32_t *from = &data_image;
    for (uint32_t *to = &data_start; to < &data_end; to++, from++) {
        *to = *from;
    }
    for (uint32_t *to = &bss_start; to < &bss_end; to++) {
        *to = 0;
    }
    (void)main();
}

enum reset_cause board_reset_cause(void)
{
    return CAUSE_UNKNOWN; /* the board keeps no record of it */
}

void board_begin(void)
{
    TIMER_RELOAD = 0xFFFFFFFFU;
    TIMER_VALUE = 0xFFFFFFFFU;
    TIMER_CONTROL = 1;
    ticked_at = TIMER_VALUE;
    UART_BAUD = CLOCK_HZ / BAUD;
    UART_CONTROL = UART_ENABLE;
    INTERRUPT_ENABLE = UART0_RECEIVE | UART0_TRANSMIT;
    SYSTICK_RELOAD = CLOCK_HZ / 1000U - 1U;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7;
    __asm volatile("cpsie i" ::: "memory");
}

void board_lock(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

void board_unlock(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

void board_transmit(void)
{
    /* the interrupt comes when a byte has left; the first one is started by hand */
    INTERRUPT_PENDING = UART0_TRANSMIT;
}

void board_wait(void)
{
    __asm volatile("wfi");
}

uint16_t board_analog(void)
{
    return 0;
}

bool board_leads_off(void)
{
    return true;
}

void board_light(bool on)
{
    LIGHTS = on ? 1U : 0U;
}

static void half_a_bit(void)
{
    uint32_t from = TIMER_VALUE;
    while ((uint32_t)(from - TIMER_VALUE) < CLOCK_HZ / 200000U) {
    }
}

static void line(uint32_t bit, bool high)
{
    if (high) {
        I2C_SET = bit;
    } else {
        I2C_CLEAR = bit;
    }
    half_a_bit();
}

void board_i2c_data(bool high)
{
    line(I2C_DATA, high);
}

void board_i2c_clock(bool high)
{
    line(I2C_CLOCK, high);
}

bool board_i2c_read_data(void)
{
    return (I2C_SET & I2C_DATA) != 0;
}

const char *board_serial(void)
{
    return SERIAL_NUMBER;
}
