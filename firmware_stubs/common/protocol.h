/* The framed protocol, version 1, as numbers. Drawn in full in drivers/PROTOCOL.md.
 *
 *  0    1    2       3     4         5   6   7   8    9 ...         9+length
 * +----+----+-------+-----+---------+---+---+---+---+---------...--+------+------+
 * | A5 | 5A |length |type |sequence |    time_ms    |   payload    | crc lo crc hi
 * +----+----+-------+-----+---------+---+---+---+---+---------...--+------+------+
 *             \_______________ crc covers this ____________________/
 */
#ifndef TELEWARD_PROTOCOL_H
#define TELEWARD_PROTOCOL_H

#define PROTOCOL_VERSION 1U

#define SYNC_0 0xA5U
#define SYNC_1 0x5AU
#define HEADER_SIZE 9U
#define OVERHEAD 11U
#define MAX_PAYLOAD 240U
#define FIRST_HOST_TYPE 0x80U /* 01..7F device to host, 80..FF host to device */
#define MAX_COMMAND_PAYLOAD 16U /* commands are short so that a small chip can hold one */
#define MAX_COMMAND_FRAME (OVERHEAD + MAX_COMMAND_PAYLOAD)

enum frame_type {
    FRAME_HELLO = 0x01,
    FRAME_STREAM = 0x02,
    FRAME_SAMPLES = 0x03,
    FRAME_STATUS = 0x04,
    FRAME_NUMERICS = 0x05,
    FRAME_TEXT = 0x06,
    FRAME_REPLY = 0x07,
    FRAME_IDENTIFY = 0x81,
    FRAME_START = 0x82,
    FRAME_STOP = 0x83,
    FRAME_SET_TIME = 0x84,
    FRAME_SET_RATE = 0x85,
    FRAME_MEASURE = 0x86
};

#define ALL_STREAMS 0xFFU
#define UNKNOWN 0xFFU /* battery or quality that is not known */

enum capability { CAN_SET_TIME = 1, CAN_SET_RATE = 2, CAN_MEASURE = 4 };

enum result {
    RESULT_DONE = 0,
    RESULT_UNKNOWN_COMMAND = 1,
    RESULT_BAD_ARGUMENT = 2,
    RESULT_NOT_SUPPORTED = 3,
    RESULT_BUSY = 4
};

enum fault {
    FAULT_LEAD_OFF = 0x01,
    FAULT_PROBE_OFF = 0x02,
    FAULT_LOW_BATTERY = 0x04,
    FAULT_SENSOR = 0x08,
    FAULT_MEMORY_FULL = 0x10,
    FAULT_CLOCK_NOT_SET = 0x20,
    FAULT_OVERRUN = 0x40,
    FAULT_MOTION = 0x80
};

enum reason {
    REASON_NONE = 0,
    REASON_NO_SIGNAL = 1,
    REASON_PROBE_OFF = 2,
    REASON_LEAD_OFF = 3,
    REASON_SEARCHING = 4,
    REASON_MOTION = 5,
    REASON_ABOVE_RANGE = 6,
    REASON_BELOW_RANGE = 7,
    REASON_SENSOR_FAULT = 8,
    REASON_INVALID = 9
};

enum severity { SEVERITY_INFORMATION = 0, SEVERITY_WARNING = 1, SEVERITY_ERROR = 2 };

enum numerics_flag { NUMERICS_GROUPED = 1, NUMERICS_STORED = 2, NUMERICS_HAS_UTC = 4 };

/* The metrics that the programs here send; the whole table is in drivers/PROTOCOL.md. */
enum metric {
    METRIC_BODY_TEMPERATURE = 6, /* Cel */
    METRIC_ECG_II = 65,          /* mV */
    METRIC_PPG_RED = 70,         /* 1 */
    METRIC_PPG_INFRARED = 71     /* 1 */
};

#endif
