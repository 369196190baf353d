/* The host's end for tests: takes what the device sends and checks every frame's form. */
#ifndef TELEWARD_LISTENER_H
#define TELEWARD_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

struct heard {
    uint8_t type, sequence, length;
    uint32_t time_ms;
    uint8_t payload[240];
};

/* Take bytes of the device until a frame is whole; false: it has no more. Ends the test when bytes
 * make no frame, or when the sequence jumps. */
bool listen_frame(struct heard *heard);

/* Forget the sequence and half frames, as after a reset. */
void listen_afresh(void);

/* Run the device for ms milliseconds: a tick and device_run each. */
void pass_ms(uint32_t ms);

/* Throw away all that the device says within ms milliseconds. */
void hush(uint32_t ms);

/* Say a command to the device. */
void say(uint8_t type, uint8_t sequence, const void *payload, uint8_t length);

/* Run until the REPLY to the last command, and return its result; other frames are thrown away. */
uint8_t reply_to(uint8_t type, uint8_t sequence);

/* Run until a frame of the type came, at most `ms`; false: none. */
bool await(uint8_t type, uint32_t ms, struct heard *heard);

#endif
