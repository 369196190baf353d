/* A pseudo-terminal that stands for the serial cable between a device and its host. */
#ifndef TELEWARD_TERMINAL_H
#define TELEWARD_TERMINAL_H

/* Open one, raw and without waiting, and print its name as a line; it returns the device's end. The
 * host's end stays open in *other_end, so that a host may come and go. No terminal: exit. */
int terminal_open(int *other_end);

#endif
