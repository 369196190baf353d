/* The main loop of every program on every board. */
#include "board.h"
#include "device.h"
#include "program.h"

int main(void)
{
    device_begin(&program, board_reset_cause());
    board_begin();
    program_begin();
    for (;;) {
        program_poll();
        device_run();
        board_wait();
    }
}
