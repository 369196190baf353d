// @ts-check
/**
 * The NEWS2 observation chart of one subject: what was scored when, by whom and how. A training view:
 * its scores follow NEWS2 of the Royal College of Physicians, its drawing is not their chart.
 *
 * @typedef {object} Cell
 * @property {number} value @property {number|null} points @property {string} metric
 * @property {string|null} source @property {string|null} author @property {string|null} device
 * @property {number|null} time_ns
 *
 * @typedef {object} Column
 * @property {number} time_ns @property {number|null} total @property {string|null} risk
 * @property {number} at_least @property {string[]} missing @property {string[]} stale
 * @property {number} spo2_scale @property {Record<string, Cell>} cells
 */

import { call } from "../core/api.js";
import { bedBar } from "../core/bed_bar.js";
import { KeyMap, keyed } from "../core/keys.js";
import { Shell, element, html, nothing, render } from "../core/shell.js";
import { catalogueOf } from "../i18n/words.js";
import { deviceName, unitText } from "../i18n/format.js";
import { nanoseconds } from "../trends/series.js";
import { dayAndTime, timeIn } from "../trends/times.js";
import { News2Dialog } from "./news2.js";

const NUMBERS_ONLY = 2;
const REFRESH_MS = 30e3;
const HOUR_MS = 3600e3;
/** How far back, and a column every so many seconds. */
const LENGTHS = /** @type {const} */ ([
  ["2h", 2 * HOUR_MS, 600],
  ["12h", 12 * HOUR_MS, 3600],
  ["24h", 24 * HOUR_MS, 3600],
]);
/** Hours until the next set at the latest, by risk (chart 4); 0: without pause. */
const NEXT_H = /** @type {Record<string, number>} */ ({ none: 12, low: 4, "low-medium": 1, medium: 1, high: 0 });
const ACVPU = ["A", "C", "V", "P", "U"];
/** What a device is called that has no name of its own, by what it measured. */
const BY = /** @type {Record<string, string>} */ ({
  spo2: "oximeter",
  pulse_rate: "pulse",
  heart_rate: "ecg",
  nibp_systolic: "cuff",
  body_temperature: "thermometer",
});

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const words = await catalogueOf("charts");
const t = words.text.bind(words);
const shell = new Shell([id], () => drawBar(), () => t("page_news2"), () => 0, NUMBERS_ONLY);
const entry = new News2Dialog(shell, id, element("dialogs"));
for (const part of ["bar", "tools"]) element(part).replaceChildren();
element("notice").textContent = t("not_a_device");

let length = LENGTHS.find(([name]) => name === new URLSearchParams(location.search).get("range")) ?? LENGTHS[1];
/** @type {{not_applied: string|null, parameters: string[], columns: Column[], bands: Record<string, any[]>} | null} */
let chart = null;
let failure = "";
let readAt = -Infinity;
let reading = false;

function drawBar() {
  render(bedBar(shell, id, t, "news2"), element("bar"));
  if (shell.ward.received && !document.hidden && performance.now() - readAt > REFRESH_MS) void read();
}

async function read() {
  if (reading) return;
  reading = true;
  readAt = performance.now();
  const end = shell.stream.now() + 1000;
  const query = new URLSearchParams({
    start_ns: nanoseconds(end - length[1]),
    end_ns: nanoseconds(end),
    step_s: String(length[2]),
  });
  try {
    chart = await call("GET", `/subjects/${encodeURIComponent(id)}/news2?${query}`);
    failure = "";
  } catch (error) {
    failure = words.refusal(error);
  }
  reading = false;
  draw();
}

/** @param {(typeof LENGTHS)[number]} chosen */
function choose(chosen) {
  length = chosen;
  history.replaceState(null, "", `?range=${chosen[0]}`);
  void read();
}

function draw() {
  drawTools();
  const columns = chart?.columns ?? [];
  const text = failure || (!chart ? t("news2_reading") : chart.not_applied ? t("news2_child") : columns.length ? "" : t("news2_nothing"));
  element("state").textContent = text;
  element("state").classList.toggle("error", Boolean(failure));
  for (const part of ["now", "grid"]) element(part).hidden = !columns.length;
  if (!chart) return;
  if (columns.length) {
    render(now(columns[columns.length - 1]), element("now"));
    render(grid(columns, chart.parameters), element("grid"));
    const place = /** @type {HTMLElement} */ (element("grid").querySelector(".scroll"));
    place.scrollLeft = place.scrollWidth;
  }
  render(chart.not_applied ? html`<p class="quiet">${t("acknowledgement")}</p>` : thresholds(chart.bands), element("thresholds"));
}

/** @param {Column} column @returns {string} the risk by which the response is chosen; "none" for 0 */
function riskOf(column) {
  return column.total === 0 ? "none" : (column.risk ?? "");
}

/** @param {Column} column @returns {number|null} 0 to 3; null: no whole score */
function bandOf({ total, risk }) {
  if (total === null) return null;
  return risk === "high" ? 3 : risk === "medium" ? 2 : total > 0 ? 1 : 0;
}

/** What the newest set asks for. @param {Column} column */
function now(column) {
  const lacking = [...column.missing, ...column.stale];
  if (column.total === null) {
    return html`<h2><span class="sum" data-partial>≥ ${column.at_least}</span> ${t("partial")}</h2>
      <p>${t("partial_what", { names: lacking.map((name) => t(`parameter_${name}`)).join(", ") })}</p>
      <p><b>${t(reached(column))}</b></p>`;
  }
  const risk = riskOf(column);
  const due = column.time_ns / 1e6 + NEXT_H[risk] * HOUR_MS;
  return html`<h2><span class="sum" data-band=${bandOf(column)}>${column.total}</span> ${t(`risk_${risk}`)}</h2>
    <p>${t(`response_${risk}`)}</p>
    <p><b>${NEXT_H[risk] ? t("next_set", { time: dayAndTime(due) }) : t("next_continuous")}</b></p>
    <p class="quiet">${t("own_rule")}</p>`;
}

/** What the known points of a partial set ask for already. @param {Column} column */
function reached({ at_least: least, cells }) {
  if (least >= 7) return "partial_high";
  if (least >= 5) return "partial_medium";
  return Object.values(cells).some(({ points }) => points === 3) ? "partial_single" : "partial_complete";
}

/** @param {Column[]} columns @param {string[]} parameters */
function grid(columns, parameters) {
  const scales = columns.some((column) => column.spo2_scale === 2);
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("grid_title")}>
    <table>
      <caption>${t("grid_title")}</caption>
      <thead>
        <tr>
          <th scope="col">${t("time")}</th>
          ${columns.map((column) => html`<th scope="col">${timeIn(column.time_ns / 1e6, length[1])}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${parameters.map(
          (name) => html`<tr>
            <th scope="row">${t(`parameter_${name}`)} <small>${unitOf(name)}</small></th>
            ${columns.map((column) => cell(column, name))}
          </tr>`,
        )}
        <tr>
          <th scope="row">${t("scale")}</th>
          ${columns.map((column) => html`<td class=${scales && column.spo2_scale === 2 ? "prescribed" : ""}>${column.spo2_scale}</td>`)}
        </tr>
        <tr class="total">
          <th scope="row">${t("total")}</th>
          ${columns.map(
            (column) => html`<td data-band=${bandOf(column) ?? nothing} data-partial=${column.total === null ? "" : nothing}>
              ${column.total ?? html`≥ ${column.at_least}<small>${t("partial")}</small>`}
            </td>`,
          )}
        </tr>
        <tr>
          <th scope="row">${t("entered_by")}</th>
          ${columns.map((column) => html`<td class="by">${authors(column)}</td>`)}
        </tr>
      </tbody>
    </table>
  </div>`;
}

/** @param {string} parameter */
function unitOf(parameter) {
  const metric = parameter === "pulse" ? "heart_rate" : parameter;
  return parameter === "consciousness" ? "ACVPU" : unitText(shell.ward.metrics[metric]?.unit ?? "");
}

/** @param {Column} column @param {string} name */
function cell(column, name) {
  const known = column.cells[name];
  if (!known) {
    return html`<td class="none">${t(column.stale.includes(name) ? "old" : "not_seen")}</td>`;
  }
  const { value, points } = known;
  const decimals = shell.ward.metrics[known.metric]?.decimals ?? 0;
  const text = name === "consciousness" ? ACVPU[value] : name === "supplemental_oxygen" && value === 0 ? t("air") : value.toFixed(decimals);
  return html`<td data-band=${points ?? nothing} title=${how(known)}>
    ${text}<sup>${points ?? "?"}</sup><small>${how(known)}</small>
  </td>`;
}

/** How a value was measured, and by whom. @param {Cell} known */
function how({ metric, source, author, device }) {
  if (author) return author;
  const links = shell.ward.subjects.get(id)?.links;
  const label = device && links?.[device] ? deviceName(links, device) : undefined;
  const kind = metric === "pulse_rate" ? t("by_pulse") : metric === "heart_rate" ? t("by_ecg") : "";
  if (source === "derived") return kind || t("by_monitor");
  return label ?? (source === "device" ? t(`by_${BY[metric] ?? "device"}`) : "");
}

/** @param {Column} column @returns {string} everybody who entered something of this set */
function authors({ cells }) {
  const names = Object.values(cells).flatMap((known) => (known.author ? [known.author] : []));
  return [...new Set(names)].join(", ") || (Object.keys(cells).length ? t("by_monitor") : "–");
}

/** @param {Record<string, {low: number|null, high: number|null, points: number}[]>} bands */
function thresholds(bands) {
  const span = (/** @type {string} */ name, /** @type {{low: number|null, high: number|null}} */ { low, high }) => {
    const [from, to] = [low, high].map((value) => value?.toFixed(shell.ward.metrics[name]?.decimals ?? 0));
    return from === undefined ? `≤ ${to}` : to === undefined ? `≥ ${from}` : from === to ? from : `${from}–${to}`;
  };
  return html`<details>
      <summary>${t("thresholds")}</summary>
      <div class="scroll" tabindex="0" role="region" aria-label=${t("thresholds")}>
        <table>
          <thead>
            <tr><th scope="col"><span class="hidden-text">${t("parameter")}</span></th>${[3, 2, 1, 0].map((points) => html`<th scope="col" data-band=${points}>${points}</th>`)}</tr>
          </thead>
          <tbody>
            ${Object.entries(bands).map(
              ([name, rows]) => html`<tr>
                <th scope="row">${t(`parameter_${name}`)}</th>
                ${[3, 2, 1, 0].map((points) => html`<td>${rows.filter((row) => row.points === points).map((row) => span(name, row)).join(", ") || "–"}</td>`)}
              </tr>`,
            )}
            <tr><th scope="row">${t("parameter_supplemental_oxygen")}</th><td>–</td><td>${t("oxygen")}</td><td>–</td><td>${t("air")}</td></tr>
            <tr><th scope="row">${t("parameter_consciousness")}</th><td>C V P U</td><td>–</td><td>–</td><td>A</td></tr>
          </tbody>
        </table>
      </div>
    </details>
    <p class="quiet">${t("acknowledgement")}</p>`;
}

function drawTools() {
  render(
    html`<div class="seg" role="group" aria-label=${t("length")}>
        ${LENGTHS.map(
          (each, i) => html`<button type="button" data-range=${each[0]} aria-pressed=${String(each === length)} aria-keyshortcuts=${i + 1} @click=${() => choose(each)}>
            ${t(`length_${each[0]}`)}
          </button>`,
        )}
      </div>
      <strong class="training">${t("training_view")}</strong>
      <span class="space"></span>
      <button type="button" class="primary" id="entry" aria-keyshortcuts="n" ?disabled=${Boolean(chart?.not_applied)} @click=${() => entry.open()}>${keyed(t("new_set"), "n")}</button>
      <button type="button" id="print" aria-keyshortcuts="p" @click=${() => print()}>${keyed(t("print"), "p")}</button>
      <button type="button" id="keys" aria-keyshortcuts="?" aria-label=${t("keys")} @click=${() => keys.open()}>?</button>`,
    element("tools"),
  );
}

const keys = new KeyMap(
  element("dialogs"),
  [
    ...LENGTHS.map((each, i) => ({ key: String(i + 1), text: t(`length_${each[0]}`), act: () => choose(each) })),
    { key: "n", text: t("new_set"), act: () => chart?.not_applied || entry.open() },
    { key: "p", text: t("print"), act: () => print() },
    { key: "b", text: t("back"), act: () => location.assign(`/bed/${encodeURIComponent(id)}`) },
    { key: "s", text: t("key_sound"), act: () => shell.sound.toggle() },
  ],
  { title: t("keys"), close: t("close"), list: t("key_list") },
);
// a set that was entered is scored within a second or two
entry.dialog.addEventListener("close", () => setTimeout(() => void read(), 2500));
draw();
/** Tests look at the page through this. */
Object.assign(window, { teleward: { shell, read } });
