/* nRF52 (nRF52-DK, nRF52840-DK ...) on Zephyr 3.7 or later, by radio: the gateway's driver framed-uart.
 *
 * VENDOR SDK: this whole file needs Zephyr and is not compiled by the tests of this project, nor was it
 * run on a board yet. All that decides what is sent lies in common/nus.c, which the tests do run.
 * prj.conf and CMakeLists.txt beside it make it a Zephyr application; see firmware_stubs/README.md. */
#include "board.h"

#include <zephyr/bluetooth/bluetooth.h>
#include <zephyr/bluetooth/conn.h>
#include <zephyr/bluetooth/gatt.h>
#include <zephyr/bluetooth/services/nus.h>
#include <zephyr/drivers/hwinfo.h>
#include <zephyr/kernel.h>

#include "device.h"
#include "nus.h"

static struct k_timer timer;
static K_SEM_DEFINE(ticked, 0, 1);
static unsigned int lock_key;
static struct bt_conn *host;
static char serial[17] = "nrf52";

static void on_timer(struct k_timer *unused)
{
    ARG_UNUSED(unused);
    device_tick();
    k_sem_give(&ticked);
}

static void on_received(struct bt_conn *conn, const void *data, uint16_t len, void *unused)
{
    ARG_UNUSED(conn);
    ARG_UNUSED(unused);
    nus_received(data, len);
}

static void on_subscribed(bool enabled, void *unused)
{
    ARG_UNUSED(unused);
    if (enabled) {
        nus_opened(host == NULL ? 23 : bt_gatt_get_mtu(host));
    } else {
        nus_closed();
    }
}

static void on_connected(struct bt_conn *conn, uint8_t error)
{
    if (error == 0) {
        host = bt_conn_ref(conn);
    }
}

static void on_disconnected(struct bt_conn *conn, uint8_t reason)
{
    ARG_UNUSED(reason);
    bt_conn_unref(conn);
    host = NULL;
    nus_closed();
}

static void advertise(void)
{
    static const uint8_t service[] = {NUS_SERVICE};
    static const struct bt_data data[] = {
        BT_DATA_BYTES(BT_DATA_FLAGS, (BT_LE_AD_GENERAL | BT_LE_AD_NO_BREDR)),
        BT_DATA(BT_DATA_UUID128_ALL, service, sizeof service),
    };
    static uint8_t response[31];
    static struct bt_data name;
    name = (struct bt_data)BT_DATA(BT_DATA_NAME_COMPLETE, response + 2,
                                   nus_scan_response(response, serial) - 2);
    (void)bt_le_adv_start(BT_LE_ADV_CONN_FAST_1, data, ARRAY_SIZE(data), &name, 1);
}

static void on_mtu(struct bt_conn *conn, uint16_t sends, uint16_t receives)
{
    ARG_UNUSED(conn);
    ARG_UNUSED(receives);
    nus_mtu(sends);
}

BT_CONN_CB_DEFINE(connection) = {
    .connected = on_connected,
    .disconnected = on_disconnected,
    .recycled = advertise, /* the link's memory is free again */
};

enum reset_cause board_reset_cause(void)
{
    uint32_t flags = 0;
    (void)hwinfo_get_reset_cause(&flags);
    (void)hwinfo_clear_reset_cause();
    if ((flags & RESET_BROWNOUT) != 0) {
        return CAUSE_BROWN_OUT;
    }
    if ((flags & RESET_WATCHDOG) != 0) {
        return CAUSE_WATCHDOG;
    }
    return (flags & RESET_PIN) != 0 ? CAUSE_BUTTON : CAUSE_POWER_ON;
}

void board_begin(void)
{
    static struct bt_nus_cb listener = {.received = on_received, .notif_enabled = on_subscribed};
    static struct bt_gatt_cb gatt = {.att_mtu_updated = on_mtu};
    uint8_t id[8];
    if (hwinfo_get_device_id(id, sizeof id) == sizeof id) {
        (void)bin2hex(id, sizeof id, serial, sizeof serial);
    }
    (void)bt_enable(NULL);
    (void)bt_nus_cb_register(&listener, NULL);
    bt_gatt_cb_register(&gatt);
    advertise();
    k_timer_init(&timer, on_timer, NULL);
    k_timer_start(&timer, K_MSEC(1), K_MSEC(1));
}

void board_lock(void)
{
    lock_key = irq_lock();
}

void board_unlock(void)
{
    irq_unlock(lock_key);
}

static bool notify(const uint8_t *bytes, uint8_t n)
{
    return bt_nus_send(host, bytes, n) == 0;
}

void board_transmit(void)
{
    nus_send(notify);
}

void board_wait(void)
{
    (void)k_sem_take(&ticked, K_FOREVER);
}

const char *board_serial(void)
{
    return serial;
}

/* The light's pin is the maker's choice; what hangs on the others: boards/unwired.c. */
void board_light(bool on)
{
    (void)on;
}
