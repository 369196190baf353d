/* ATmega328P at 16 MHz and 5 V, as on an Arduino Uno or Nano. Pins, by the board's print:
 *
 *   A0  AD8232 OUTPUT     D10 AD8232 LO+     A4  SDA     AREF  3.3 V
 *   D13 light             D11 AD8232 LO-     A5  SCL     USB   the port, 115200 baud
 *
 * 115200 baud is 117647 here (16 MHz / 8 / 17), 2.1 % fast: within what 8N1 allows (about 4 %). */
#include "board.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <util/delay.h>

#include "device.h"

#ifndef SERIAL_NUMBER
#define SERIAL_NUMBER "0001"
#endif

#define UBRR_115200 16U           /* with U2X */
#define TICKS (F_CPU / 64 / 1000) /* of timer 1 in a millisecond */

static volatile uint16_t analog;

enum reset_cause board_reset_cause(void)
{
    uint8_t flags = MCUSR;
    MCUSR = 0;
    if ((flags & _BV(PORF)) != 0) {
        return CAUSE_POWER_ON; /* the supply's rise passes the brown-out level too */
    }
    if ((flags & _BV(BORF)) != 0) {
        return CAUSE_BROWN_OUT;
    }
    if ((flags & _BV(WDRF)) != 0) {
        return CAUSE_WATCHDOG;
    }
    return (flags & _BV(EXTRF)) != 0 ? CAUSE_BUTTON : CAUSE_UNKNOWN;
}

void board_begin(void)
{
    DDRB = _BV(DDB5);
    PORTC = _BV(PORTC4) | _BV(PORTC5); /* weak pull-ups; the sensor's board has stronger ones */
    ADMUX = 0;                         /* input 0 against AREF */
    ADCSRA = _BV(ADEN) | _BV(ADSC) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0); /* 125 kHz */
    UBRR0 = UBRR_115200;
    UCSR0A = _BV(U2X0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
    OCR1A = TICKS - 1;
    TCCR1B = _BV(WGM12) | _BV(CS11) | _BV(CS10);
    TIMSK1 = _BV(OCIE1A);
    set_sleep_mode(SLEEP_MODE_IDLE);
    sei();
}

ISR(TIMER1_COMPA_vect)
{
    /* converted since the tick before: always 1 ms old, so evenly spaced without waiting */
    analog = ADC;
    ADCSRA |= _BV(ADSC);
    device_tick();
}

ISR(USART_RX_vect)
{
    device_receive(UDR0);
}

ISR(USART_UDRE_vect)
{
    uint8_t byte;
    if (device_transmit(&byte)) {
        UDR0 = byte;
    } else {
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
    }
}

void board_lock(void)
{
    cli();
}

void board_unlock(void)
{
    sei();
}

void board_transmit(void)
{
    board_lock();
    UCSR0B |= _BV(UDRIE0);
    board_unlock();
}

void board_wait(void)
{
    sleep_mode(); /* a tick that comes just before is made good by the next, 1 ms later */
}

uint16_t board_analog(void)
{
    return analog; /* read in the interrupt that writes it */
}

bool board_leads_off(void)
{
    return (PINB & (_BV(PINB2) | _BV(PINB3))) != 0;
}

void board_light(bool on)
{
    if (on) {
        PORTB |= _BV(PORTB5);
    } else {
        PORTB &= (uint8_t)~_BV(PORTB5);
    }
}

static void line(uint8_t pin, bool high)
{
    /* an output pulls to 0, an input lets the pull-up lift the line */
    if (high) {
        DDRC &= (uint8_t)~_BV(pin);
        PORTC |= _BV(pin);
    } else {
        PORTC &= (uint8_t)~_BV(pin);
        DDRC |= _BV(pin);
    }
    _delay_us(5);
}

void board_i2c_data(bool high)
{
    line(PORTC4, high);
}

void board_i2c_clock(bool high)
{
    line(PORTC5, high);
}

bool board_i2c_read_data(void)
{
    return (PINC & _BV(PINC4)) != 0;
}

const char *board_serial(void)
{
    return SERIAL_NUMBER;
}
