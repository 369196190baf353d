// @ts-check
/** The same trends as a table: newest first, mean with lowest and highest, and what happened. */

import { translated } from "../i18n/words.js";
import { html } from "../vendor/lit-html.js";
import { isLine } from "./marks.js";
import { joined } from "./series.js";
import { timeIn } from "./times.js";

/** @typedef {import("./series.js").Grid} Grid */
/** @typedef {import("./marks.js").Mark} Mark */

const MOST_ROWS = 72;
/** Steps of a table that people read easily, in minutes. */
const STEPS_MIN = [1 / 6, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];

/** @param {Grid} grid @returns {number} buckets of one row */
function bucketsOfRow({ times, stepMs }) {
  const least = (times.length * stepMs) / MOST_ROWS;
  const step = STEPS_MIN.find((minutes) => minutes * 60e3 >= Math.max(least, stepMs)) ?? 1440;
  return Math.max(1, Math.round((step * 60e3) / stepMs));
}

/** @param {Grid} grid @returns {{from: number, to: number, start: number, end: number}[]} newest first */
export function rowsOf(grid) {
  const width = bucketsOfRow(grid) * grid.stepMs;
  const rows = /** @type {{from: number, to: number, start: number, end: number}[]} */ ([]);
  grid.times.forEach((time, place) => {
    const start = Math.floor(time / width) * width;
    const row = rows[rows.length - 1];
    if (row?.start === start) row.to = place + 1;
    else rows.push({ from: place, to: place + 1, start, end: start + width });
  });
  return rows.reverse();
}

/**
 * @param {Grid} grid @param {Mark[]} marks @param {string[]} metrics
 * @param {Record<string, import("../core/state.js").Metric>} known @param {number} lengthMs
 * @param {(key: string, values?: Record<string, any>) => string} t
 * @param {(unit: string) => string} unitText
 */
export function table(grid, marks, metrics, known, lengthMs, t, unitText) {
  const rows = rowsOf(grid)
    .map((row) => ({
      ...row,
      cells: metrics.map((name) => {
        const series = grid.series.get(name);
        return series ? joined(series, row.from, row.to) : null;
      }),
      events: marks.filter((mark) => mark.time >= row.start && mark.time < row.end),
    }))
    .filter((row) => row.events.length || row.cells.some(Boolean));
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("table_title")}>
    <table id="table">
      <caption class="hidden-text">${t("table_title")}</caption>
      <thead>
        <tr>
          <th scope="col">${t("time")}</th>
          ${metrics.map((name) => html`<th scope="col">${known[name]?.label ?? name} <small>${unitText(known[name]?.unit ?? "")}</small></th>`)}
          <th scope="col" class="events">${t("events")}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) => html`<tr>
            <th scope="row">${timeIn(row.start, lengthMs)}</th>
            ${row.cells.map((cell, i) => html`<td>${cellOf(cell, known[metrics[i]]?.decimals ?? 0, t)}</td>`)}
            <td class="events">${row.events.map((mark) => html`<span class=${isLine(mark) ? "noted" : ""}>${eventText(mark, t)}</span>`)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{low: number, mean: number, high: number} | null} cell @param {number} decimals
 * @param {(key: string, values?: Record<string, any>) => string} t */
function cellOf(cell, decimals, t) {
  if (!cell) return html`<span class="none" aria-hidden="true">–</span><span class="hidden-text">${t("no_value")}</span>`;
  const [low, mean, high] = [cell.low, cell.mean, cell.high].map((value) => value.toFixed(decimals));
  return html`${mean}${low === high ? "" : html` <small>${t("from_to", { low, high })}</small>`}`;
}

/** @param {Mark} mark @param {(key: string, values?: Record<string, any>) => string} t */
export function eventText({ text, author, kind, acknowledged }, t) {
  const plain = kind === "act" && text === "alarm limits changed" ? t("act_limits")
    : kind === "act" && text === "alarm sound paused" ? t("act_pause") : kind === "alarm" ? translated(text) : text;
  if (!author) return plain;
  return `${plain}, ${acknowledged === null ? author : t("acknowledged_by", { name: author })}`;
}
