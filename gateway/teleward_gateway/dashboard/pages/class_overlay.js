// @ts-check
/** A class on one time axis: a row for each action of the key, a dot a learner, moments for the talk. */

import { caseTime as clock } from "../i18n/format.js";
import { html, nothing, svg } from "../vendor/lit-html.js";

const WIDTH = 640;

/**
 * @param {import("../i18n/catalogue.js").Catalogue} t
 * @param {any[]} overlays what `GET /class/debrief` answers
 */
export function classOverlay(t, overlays) {
  return html`${overlays.map((each) => html`<section class="stack overlay" data-case=${each.case}>
    <h2>${t.text("overlay_title")}</h2>
    ${each.moments.length
      ? html`<h3>${t.text("moments_title")}</h3><ol class="moments">${each.moments.map(
          (/** @type {any} */ moment) => html`<li data-rule=${moment.rule}><b>${clock(moment.at_ms)}</b> ${momentText(t, moment)}</li>`,
        )}</ol>`
      : nothing}
    <div class="scroll" tabindex="0" role="region" aria-label=${t.text("overlay_title")}><table class="board"><thead><tr><th>${t.text("score_actions")}</th><th>${t.text("overlay_due")}</th><th>${t.text("overlay_dots")}</th><th>${t.text("overlay_never")}</th></tr></thead>
      <tbody>${each.rows.map((/** @type {any} */ row) => rowOf(t, row, each))}</tbody></table></div>
  </section>`)}`;
}

/** @param {import("../i18n/catalogue.js").Catalogue} t @param {any} row @param {any} overlay */
function rowOf(t, row, overlay) {
  const end = Math.max(60_000, overlay.end_ms);
  const x = (/** @type {number} */ ms) => 6 + ((WIDTH - 12) * Math.min(ms, end)) / end;
  const done = row.dots.filter((/** @type {any} */ dot) => dot.at_ms !== null);
  const times = done.map((/** @type {any} */ dot) => `${overlay.seats[dot.seat]} ${clock(dot.at_ms)}`).join(", ");
  return html`<tr data-name=${row.name}><td class=${row.grade}>${t.of(row.label)}</td>
    <td>${row.due_ms === null ? "–" : clock(row.due_ms)}</td>
    <td><svg class="dots" viewBox="0 0 ${WIDTH} 24" role="img" aria-label=${times || "–"}>
      <line class="tick" x1="6" x2=${WIDTH - 6} y1="12" y2="12"></line>
      ${row.due_ms === null ? nothing : svg`<line class="due" x1=${x(row.due_ms)} x2=${x(row.due_ms)} y1="2" y2="22"></line>`}
      ${done.map((/** @type {any} */ dot) => svg`<circle class="dot-${dot.reason === "in_time" ? "good" : "late"}" cx=${x(dot.at_ms)} cy="12" r="6"
        ><title>${overlay.seats[dot.seat]} ${clock(dot.at_ms)}</title></circle>`)}</svg></td>
    <td>${row.dots.length - done.length || "–"}</td></tr>`;
}

/** @param {import("../i18n/catalogue.js").Catalogue} t @param {any} moment */
function momentText(t, moment) {
  const values = { name: t.of(moment.label), n: moment.n, of: moment.of };
  if (moment.rule === "spread") return t.text("moment_spread", { ...values, first: clock(moment.first_ms), last: clock(moment.last_ms) });
  return moment.rule === "missed" ? t.text("moment_missed", values) : t.text("moment_sensor", { ...values, name: t.text(`fault_${moment.name}`) });
}
