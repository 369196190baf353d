/* ESP32 on ESP-IDF 5 with NimBLE, by radio: the gateway's driver framed-uart.
 *
 * VENDOR SDK: this whole file needs ESP-IDF and is not compiled by the tests of this project, nor was
 * it run on a board yet. All that decides what is sent lies in common/nus.c, which the tests do run.
 * Every task is kept on core 0 (sdkconfig.defaults): the rings of common/ hold on one core. */
#include "board.h"

#include <esp_mac.h>
#include <esp_system.h>
#include <esp_timer.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <host/ble_hs.h>
#include <nimble/nimble_port.h>
#include <nimble/nimble_port_freertos.h>
#include <nvs_flash.h>
#include <services/gap/ble_svc_gap.h>
#include <services/gatt/ble_svc_gatt.h>
#include <stdio.h>

#include "device.h"
#include "nus.h"

int teleward_main(void);

static portMUX_TYPE mux = portMUX_INITIALIZER_UNLOCKED;
static TaskHandle_t main_task;
static uint16_t link = BLE_HS_CONN_HANDLE_NONE;
static uint16_t tx_handle;
static uint8_t address_type;
static char serial[13];

static const ble_uuid128_t service_uuid = BLE_UUID128_INIT(NUS_SERVICE);
static const ble_uuid128_t rx_uuid = BLE_UUID128_INIT(NUS_RX);
static const ble_uuid128_t tx_uuid = BLE_UUID128_INIT(NUS_TX);

static void advertise(void);

static int on_access(uint16_t handle, uint16_t attribute, struct ble_gatt_access_ctxt *context,
                     void *unused)
{
    uint8_t bytes[64];
    uint16_t n = 0;
    (void)handle, (void)attribute, (void)unused;
    if (context->op == BLE_GATT_ACCESS_OP_WRITE_CHR
        && ble_hs_mbuf_to_flat(context->om, bytes, sizeof bytes, &n) == 0) {
        nus_received(bytes, n);
    }
    return 0;
}

static const struct ble_gatt_svc_def services[] = {
    {.type = BLE_GATT_SVC_TYPE_PRIMARY,
     .uuid = &service_uuid.u,
     .characteristics =
         (struct ble_gatt_chr_def[]){
             {.uuid = &rx_uuid.u,
              .access_cb = on_access,
              .flags = BLE_GATT_CHR_F_WRITE | BLE_GATT_CHR_F_WRITE_NO_RSP},
             {.uuid = &tx_uuid.u,
              .access_cb = on_access,
              .val_handle = &tx_handle,
              .flags = BLE_GATT_CHR_F_NOTIFY},
             {0}}},
    {0}};

static int on_gap(struct ble_gap_event *event, void *unused)
{
    (void)unused;
    switch (event->type) {
    case BLE_GAP_EVENT_CONNECT:
        if (event->connect.status == 0) {
            link = event->connect.conn_handle;
        } else {
            advertise();
        }
        break;
    case BLE_GAP_EVENT_DISCONNECT:
        link = BLE_HS_CONN_HANDLE_NONE;
        nus_closed();
        advertise();
        break;
    case BLE_GAP_EVENT_MTU:
        nus_mtu(event->mtu.value);
        break;
    case BLE_GAP_EVENT_SUBSCRIBE:
        if (event->subscribe.attr_handle == tx_handle && event->subscribe.cur_notify) {
            nus_opened(ble_att_mtu(link));
        }
        break;
    default:
        break;
    }
    return 0;
}

static void advertise(void)
{
    struct ble_gap_adv_params how = {.conn_mode = BLE_GAP_CONN_MODE_UND,
                                     .disc_mode = BLE_GAP_DISC_MODE_GEN};
    uint8_t bytes[31];
    (void)ble_gap_adv_set_data(bytes, nus_advertisement(bytes));
    (void)ble_gap_adv_rsp_set_data(bytes, nus_scan_response(bytes, serial));
    (void)ble_gap_adv_start(address_type, NULL, BLE_HS_FOREVER, &how, on_gap, NULL);
}

static void on_sync(void)
{
    (void)ble_hs_id_infer_auto(0, &address_type);
    advertise();
}

static void host_task(void *unused)
{
    (void)unused;
    nimble_port_run();
    nimble_port_freertos_deinit();
}

static void on_timer(void *unused)
{
    (void)unused;
    board_lock();
    device_tick();
    board_unlock();
    xTaskNotifyGive(main_task);
}

enum reset_cause board_reset_cause(void)
{
    switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
        return CAUSE_POWER_ON;
    case ESP_RST_EXT:
        return CAUSE_BUTTON;
    case ESP_RST_BROWNOUT:
        return CAUSE_BROWN_OUT;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        return CAUSE_WATCHDOG;
    default:
        return CAUSE_UNKNOWN;
    }
}

void board_begin(void)
{
    const esp_timer_create_args_t every_ms = {.callback = on_timer, .name = "tick"};
    esp_timer_handle_t timer;
    uint8_t mac[6] = {0};
    (void)esp_efuse_mac_get_default(mac);
    (void)snprintf(serial, sizeof serial, "%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2],
                   mac[3], mac[4], mac[5]);
    main_task = xTaskGetCurrentTaskHandle();
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(nimble_port_init());
    ble_hs_cfg.sync_cb = on_sync;
    ble_svc_gap_init();
    ble_svc_gatt_init();
    ESP_ERROR_CHECK(ble_gatts_count_cfg(services));
    ESP_ERROR_CHECK(ble_gatts_add_svcs(services));
    nimble_port_freertos_init(host_task);
    ESP_ERROR_CHECK(esp_timer_create(&every_ms, &timer));
    ESP_ERROR_CHECK(esp_timer_start_periodic(timer, 1000));
}

void board_lock(void)
{
    portENTER_CRITICAL(&mux);
}

void board_unlock(void)
{
    portEXIT_CRITICAL(&mux);
}

static bool notify(const uint8_t *bytes, uint8_t n)
{
    struct os_mbuf *packet = ble_hs_mbuf_from_flat(bytes, n);
    return packet != NULL && ble_gatts_notify_custom(link, tx_handle, packet) == 0;
}

void board_transmit(void)
{
    nus_send(notify);
}

void board_wait(void)
{
    (void)ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
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

void app_main(void)
{
    (void)teleward_main();
}
