/* The I2C host and the sensors, against a model of the sensor's end of the two wires. */
#include <string.h>

#include "board.h"
#include "check.h"
#include "i2c.h"
#include "max30102.h"
#include "max30205.h"
#include "model_board.h"
#include "test_signal.h"

static void registers_are_written_and_read(void)
{
    uint8_t bytes[3] = {9, 9, 9};
    model_board_begin();
    CHECK(!i2c_write(0x50, 3, 7) && !i2c_read(0x50, 3, bytes, 3) && bytes[0] == 9);
    model_board.i2c_address = 0x50;
    CHECK(i2c_write(0x50, 3, 0x81) && model_board.registers[3] == 0x81);
    model_board.registers[4] = 0x5A;
    model_board.registers[5] = 0xFF;
    CHECK(i2c_read(0x50, 3, bytes, 3));
    CHECK(bytes[0] == 0x81 && bytes[1] == 0x5A && bytes[2] == 0xFF);
    CHECK(!i2c_write(0x51, 3, 1));
}

static void a_sensor_that_falls_silent_is_noticed_at_every_byte(void)
{
    uint8_t byte;
    for (uint16_t dies = 1; dies <= 3; dies++) {
        model_board_begin();
        model_board.i2c_address = 0x50;
        model_board.i2c_dies_after = dies;
        CHECK(!i2c_write(0x50, 0, 0));
        model_board_begin();
        model_board.i2c_address = 0x50;
        model_board.i2c_dies_after = dies;
        CHECK(!i2c_read(0x50, 0, &byte, 1));
    }
    CHECK(board_i2c_read_data()); /* the wire is let go */
}

static void temperatures_have_a_sign(void)
{
    int16_t temperature;
    model_board_begin();
    CHECK(!max30205_read(&temperature));
    model_board.i2c_address = 0x48;
    model_board.registers[0] = 0x24; /* 36.5 */
    model_board.registers[1] = 0x80;
    CHECK(max30205_read(&temperature) && temperature == 36 * 256 + 128);
    model_board.registers[0] = 0xFF; /* -0.5 */
    CHECK(max30205_read(&temperature) && temperature == -128);
}

static void the_oximeter_is_set_up_or_found_missing(void)
{
    model_board_begin();
    CHECK(!max30102_begin());
    model_board.i2c_address = 0x57;
    CHECK(!max30102_begin()); /* something else at its address */
    for (uint16_t dies = 5; dies < 28; dies++) {
        model_board.registers[0xFF] = 0x15;
        model_board.i2c_address = 0x57;
        model_board.i2c_dies_after = dies;
        CHECK(!max30102_begin());
    }
    model_board.i2c_address = 0x57;
    model_board.i2c_dies_after = 0;
    CHECK(max30102_begin());
    CHECK(model_board.registers[0x09] == 3 && model_board.registers[0x0A] == 0x27);
}

static void the_oximeter_gives_its_samples(void)
{
    static const uint8_t fifo[] = {0xFF, 0x86, 0xA0, 0x01, 0xD4, 0xC0};
    uint8_t n_waiting, n_lost;
    int32_t red, infrared;
    model_board_begin();
    CHECK(!max30102_waiting(&n_waiting, &n_lost) && !max30102_take(&red, &infrared));
    model_board.i2c_address = 0x57;
    model_board.fifo_register = 7;
    model_board.fifo = fifo;
    model_board.n_fifo = sizeof fifo;
    model_board.registers[4] = 2;
    model_board.registers[6] = 31;
    CHECK(max30102_waiting(&n_waiting, &n_lost) && n_waiting == 3 && n_lost == 0);
    CHECK(max30102_take(&red, &infrared) && red == 0x386A0 && infrared == 120000);
    model_board.registers[4] = model_board.registers[6] = 5;
    CHECK(max30102_waiting(&n_waiting, &n_lost) && n_waiting == 0);
    model_board.registers[5] = 3;
    CHECK(max30102_waiting(&n_waiting, &n_lost) && n_waiting == 32 && n_lost == 3);
}

static void test_signals_are_what_they_say(void)
{
    int32_t red, infrared, least = 200000;
    CHECK(test_ecg(0) == 512 && test_ecg(290) == 512 + 341 && test_ecg(320) == 512 - 85);
    CHECK(test_ecg(800 + 290) == 512 + 345 && test_ecg(16 * 800 + 290) == 512 + 341);
    for (uint32_t ms = 0; ms < 800; ms++) {
        CHECK(test_ecg(ms) >= 0 && test_ecg(ms) < 1024);
        test_ppg(ms, &red, &infrared);
        least = infrared < least ? infrared : least;
    }
    CHECK(least == 120000 - 2400);
    test_ppg(150, &red, &infrared);
    CHECK(red == 100000 - 1000);
    CHECK(test_temperature(0) == 9370 && test_temperature(32000) == 9434);
    CHECK(test_temperature(33000) == 9432);
}

int main(void)
{
    RUN(registers_are_written_and_read);
    RUN(a_sensor_that_falls_silent_is_noticed_at_every_byte);
    RUN(temperatures_have_a_sign);
    RUN(the_oximeter_is_set_up_or_found_missing);
    RUN(the_oximeter_gives_its_samples);
    RUN(test_signals_are_what_they_say);
    return 0;
}
