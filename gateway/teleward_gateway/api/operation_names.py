"""Names of the operations of the API, as generated clients have them: a verb and its object."""

from typing import Any

_NAMES = """
GET /subjects                            list_subjects
POST /subjects                           admit_subject
GET /subjects/{subject}                  get_subject
PATCH /subjects/{subject}                change_subject
POST /subjects/{subject}/move            move_subject
POST /subjects/{subject}/discharge       discharge_subject
GET /stays                               list_stays
GET /drivers                             list_drivers
GET /devices                             list_devices
POST /devices                            add_device
GET /devices/{device}                    get_device
PATCH /devices/{device}                  change_device
DELETE /devices/{device}                 remove_device
POST /devices/{device}/commands/{name}   order_device
POST /devices/{device}/pair              pair_device
GET /bindings                            list_bindings
GET /bindings/whose                      find_wearer
PUT /devices/{device}/binding            bind_device
DELETE /devices/{device}/binding         unbind_device
POST /devices/{device}/swap              swap_devices
GET /readings                            list_held_readings
POST /readings/{number}/settle           settle_reading
DELETE /readings/{number}                discard_reading
GET /devices/{device}/users              get_device_users
PUT /devices/{device}/users              set_device_users
GET /commissioning/scan                  scan_for_devices
GET /commissioning/ports                 list_serial_ports
POST /commissioning/previews             preview_device
GET /commissioning/pairings              list_pairings
GET /subjects/{subject}/observations     list_observations
POST /subjects/{subject}/observations    record_observation
GET /subjects/{subject}/waveforms        get_waveforms
GET /subjects/{subject}/trends/{metric}  get_trend
GET /subjects/{subject}/trends.csv       get_trend_table
GET /subjects/{subject}/timeline         get_timeline
POST /subjects/{subject}/notes           take_note
GET /subjects/{subject}/news2            get_news2_chart
GET /subjects/{subject}/pews             get_pews
GET /alarms                              list_alarms
POST /alarms/acknowledge                 acknowledge_alarm
POST /subjects/{subject}/audio-pause     pause_alarm_sound
POST /audio-pause                        pause_alarm_sound_of_ward
GET /subjects/{subject}/limits           get_alarm_limits
PUT /subjects/{subject}/limits           set_alarm_limits
GET /health                              get_health
GET /metrics                             get_metrics
GET /gateway                             get_gateway
GET /settings/mistakes                   list_settings_mistakes
GET /gateway/cards                       get_gateway_cards
GET /gateway/log                         get_gateway_log
GET /gateway/report                      get_gateway_report
GET /me                                  get_person
GET /export-formats                      list_export_formats
GET /exports                             list_exports
POST /subjects/{subject}/exports         export_records
GET /exports/{export}                    get_export
GET /exports/{export}/file               get_export_file
DELETE /exports/{export}                 remove_export
GET /sinks                               list_sinks
GET /sinks/{sink}/dead-letters           list_dead_letters
GET /sinks/{sink}/dead-letters/export    export_dead_letters
POST /sinks/{sink}/retry                 retry_dead_letters
GET /cases                               list_cases
GET /actions                             list_actions
GET /rooms/{code}                        get_room
DELETE /rooms/{code}                     close_room
GET /rooms/{code}/strips/{number}        get_room_strip
POST /rooms/{code}/findings              examine_patient
POST /rooms/{code}/acts                  act_in_room
POST /rooms/{code}/orders                send_room_orders
POST /rooms/{code}/rewind                rewind_room
GET /rooms/{code}/truth                  get_room_truth
GET /rooms/{code}/log                    get_room_log
GET /lessons                             list_lessons
POST /operator                           enter_as_operator
POST /class/key                          enter_class
GET /class                               get_class_board
DELETE /class                            close_class
POST /class/phase                        set_class_phase
POST /class/doors                        set_class_doors
POST /class/wall                         set_class_wall
POST /class/pause                        pause_class
POST /class/freeze                       freeze_class
POST /class/thaw                         thaw_class
POST /class/changes                      send_class_changes
POST /class/messages                     send_class_message
POST /class/bookmark                     bookmark_class
POST /class/rewind                       rewind_class
PUT /class/seats/{seat}                  place_seat
DELETE /class/seats/{seat}               remove_seat
GET /class/seats/{seat}/screen           get_seat_screen
GET /class/rooms/{room}/truth            get_class_room_truth
GET /class/events                        list_class_events
GET /class/languages                     list_languages
POST /join                               join_class
GET /seat                                get_own_screen
DELETE /seat                             leave_class
POST /seat/ready                         report_ready
GET /seat/items                          search_items
GET /seat/actions                        search_orders
POST /seat/asks                          ask_patient
POST /seat/orders                        give_order
POST /seat/orders/{task}                 confirm_order
POST /seat/news2                         send_news2
POST /seat/diagnosis                     send_diagnosis
POST /seat/disposition                   send_disposition
POST /seat/note                          send_note
POST /seat/messages                      send_message
POST /seat/hand                          raise_hand
POST /seat/answer                        send_answer
POST /seat/handover                      send_handover
POST /seat/readback                      send_readback
POST /seat/reflection                    send_reflection
GET /seat/log                            get_own_log
GET /seat/score                          get_own_score
GET /class/scores                        list_scores
GET /seat/debrief                        get_own_debrief
GET /class/debrief                       get_class_debrief
"""
NAMES = {(method, path): name for method, path, name in map(str.split, _NAMES.strip().splitlines())}
"""Operation by method and path below the API's prefix; others keep the name of their function."""


def name_operations(document: dict[str, Any], prefix: str) -> None:
    """Name every operation of an OpenAPI document, and give it a summary in words.

    The probes outside the prefix are named after their path: ``/health/live`` is `health_live`.
    """
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            inside = path.removeprefix(prefix)
            name = NAMES.get((method.upper(), inside)) if inside != path else None
            if name is None:
                plain = str(operation["operationId"]).split("_api_v1_")[0]
                name = plain if inside != path else path.strip("/").replace("/", "_")
            words = name.replace("_", " ")
            operation["operationId"] = name
            operation["summary"] = words[:1].upper() + words[1:]
