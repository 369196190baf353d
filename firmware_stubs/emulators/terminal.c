#define _GNU_SOURCE
#include "terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>

int terminal_open(int *other_end)
{
    int port;
    char name[64];
    struct termios raw;
    if (openpty(&port, other_end, name, NULL, NULL) != 0) {
        perror("openpty");
        exit(1);
    }
    (void)tcgetattr(*other_end, &raw);
    cfmakeraw(&raw);
    (void)tcsetattr(*other_end, TCSANOW, &raw);
    (void)fcntl(port, F_SETFL, O_NONBLOCK);
    (void)puts(name);
    (void)fflush(stdout);
    return port;
}
