// @ts-check
/** What is in reach of the gateway: BLE devices that advertise, and serial adapters. */

import { html, nothing } from "../vendor/lit-html.js";
import { t } from "../i18n/devices_words.js";
import { ago } from "../i18n/format.js";
import { p } from "../i18n/pair_words.js";
import { translated } from "../i18n/words.js";
import { shownValues } from "./devices_pair.js";
import { repeat } from "../vendor/directives/repeat.js";

/** @typedef {{ openFor: (address: string, drivers: string[], name: string, link: string) => void }} Add */

/** Below this a link drops now and then; above the other it never does. */
const WEAK_DBM = -85;
const STRONG_DBM = -45;
const NEAR_DBM = -60;

/**
 * BLE devices that advertise, each with what it shows now where that is known.
 * @param {any[]} found @param {string} problem why there is no radio @param {Add} add
 * @param {Record<string, any>} previews by address
 * @param {(device: string, feeds: string) => string} nameOf whom a device of the ward is on
 */
export function reachList(found, problem, add, previews, nameOf) {
  return html`<section aria-labelledby="reach-title">
    <header><h2 id="reach-title">${t("in_reach")}</h2></header>
    ${problem ? html`<p class="error">${problem}</p>` : nothing}
    <ul class="rows" id="found">
      ${repeat(found, (row) => row.address, (row) => foundRow(row, add, previews[row.address], nameOf))}
    </ul>
    ${found.length || problem ? nothing : html`<p class="empty">${p("listening")}</p>`}
  </section>`;
}

/**
 * @param {any} row @param {Add} add @param {any} preview
 * @param {(device: string, feeds: string) => string} nameOf
 */
function foundRow(row, add, preview, nameOf) {
  const percent = row.battery_percent ?? preview?.battery_percent ?? null;
  const battery = percent === null ? "" : ` · ${p("battery", { n: percent })}`;
  const near = row.rssi_dbm >= NEAR_DBM ? "signal_near" : row.rssi_dbm >= WEAK_DBM ? "signal_good" : "signal_weak";
  const who = row.device ? nameOf(row.device, row.feeds) : "";
  return html`<li class="row" data-address=${row.address}>
    <div>
      <h3>${row.name || p("no_name")}</h3>
      <small>${row.address}</small>
    </div>
    <div>${shownValues(preview)
      ? html`<p class="live">${shownValues(preview)}</p>`
      : html`<p class="quiet">${row.drivers.length
          ? preview?.advice ? p(`advice_${preview.advice}`) : row.drivers[0]
          : row.note ? translated(row.note) : p("no_driver")}</p>`}
    ${who ? html`<small>${p("wrong_bed", { who })}</small>` : nothing}</div>
    <p>
      <meter
        min="-100"
        max="-30"
        low=${WEAK_DBM}
        high=${STRONG_DBM}
        optimum="-30"
        value=${row.rssi_dbm}
        aria-label=${t("signal")}
      ></meter>
      ${p(near)}<small>${p("seen", { age: ago(row.age_s * 1000) })}${battery}</small>
    </p>
    <div class="actions">
      ${row.device
        ? html`<span class="pill">${row.device}${who ? ` → ${who}` : ""}</span>`
        : html`<button
            type="button"
            class="primary"
            ?disabled=${!row.drivers.length}
            @click=${() => add.openFor(row.address, row.drivers, row.name, "ble")}
          >
            ${p("add")}
          </button>`}
    </div>
  </li>`;
}

/**
 * Serial adapters, with what was detected on them.
 * @param {any[]} ports @param {Record<string, any>} detected by path @param {Add} add
 * @param {(path: string) => void} listen detects what sends on a port
 */
export function portList(ports, detected, add, listen) {
  return html`<section aria-labelledby="ports-title">
    <header><h2 id="ports-title">${t("serial_ports")}</h2></header>
    <ul class="rows" id="ports">
      ${repeat(ports, (row) => row.path, (row) => portRow(row, detected[row.path], add, listen))}
    </ul>
    ${ports.length ? nothing : html`<p class="empty">${t("no_ports")}</p>`}
  </section>`;
}

/** @param {any} row @param {any} found @param {Add} add @param {(path: string) => void} listen */
function portRow(row, found, add, listen) {
  const drivers = found?.driver ? [found.driver] : row.drivers;
  return html`<li class="row">
    <div>
      <h3>${row.description || row.device_file}</h3>
      <small>${row.path}</small>
    </div>
    <p>
      ${found?.driver
        ? t("at_baud", { driver: found.driver, n: String(found.baudrate) })
        : (found?.detail || found?.state || row.drivers.join(", ")) ?? ""}
      ${row.shares_its_name ? html`<small>${t("same_number")}</small>` : nothing}
    </p>
    <p></p>
    <div class="actions">
      ${row.device
        ? html`<span class="pill">${row.device}</span>`
        : html`<button type="button" ?disabled=${found?.busy} @click=${() => listen(row.path)}>
              ${t(found?.busy ? "listening" : "listen")}
            </button>
            <button
              type="button"
              @click=${() => add.openFor(row.path, drivers, row.description, "serial")}
            >
              ${t("add")}
            </button>`}
    </div>
  </li>`;
}
