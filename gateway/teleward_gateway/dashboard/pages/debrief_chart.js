// @ts-check
/** An encounter on one time axis: the patient, the screen's numbers, and a ghost drawn dashed. */

import { caseTime as clock } from "../i18n/format.js";
import { html, nothing, svg } from "../vendor/lit-html.js";

/** Pixels of the drawing: a phone gets a narrow one, so that its letters can be read. */
const WIDE = 720;
const NARROW = 340;
const LANE = 62;
const LEFT = 44;
const LANES = [
  { track: "hr", metric: "heart_rate", text: "hr", style: "hr", least: 40, most: 140 },
  { track: "spo2", metric: "spo2", text: "spo2", style: "spo2", least: 85, most: 100 },
  { track: "sbp", metric: "nibp_systolic", text: "bp", style: "bp", least: 80, most: 140 },
  { track: "rr", metric: "respiratory_rate", text: "rr", style: "rr", least: 8, most: 32 },
];
const MARKS = /** @type {Record<string, string>} */ ({ act: "▲", ask: "?", alarm: "!", fault: "✕", word: "“", thought: "◆" });

/**
 * @param {import("../i18n/catalogue.js").Catalogue} t
 * @param {any} found what `GET /seat/debrief` answers
 * @param {number} chosen index of the ghost that is drawn; -1 for none
 * @param {(ghost: number) => void} choose
 */
export function debriefChart(t, found, chosen, choose) {
  const ghost = found.ghosts[chosen];
  return html`<section class="stack debrief" id="debrief">
    <h2>${t.text("debrief_title")}</h2>
    ${axis(t, found, ghost)}
    <p class="legend"><small>${t.text("debrief_legend")}</small></p>
    <h3>${t.text("ghost_title")}</h3>
    ${found.ghosts.length
      ? html`<div class="chips" role="group" aria-label=${t.text("ghost_title")}>${found.ghosts.map(
          (/** @type {any} */ each, /** @type {number} */ i) => html`<button type="button" data-ghost=${each.name || each.edit}
            aria-pressed=${String(i === chosen)} @click=${() => choose(i === chosen ? -1 : i)}>${what(t, each)}</button>`,
        )}</div>
        <p role="status" id="ghost-text">${ghost ? sentence(t, found.lived, ghost) : t.text("ghost_choose")}</p>
        <p><small>${t.text("ghost_model")}</small></p>`
      : html`<p>${t.text("ghost_none")}</p>`}
    <details><summary>${t.text("debrief_list")}</summary>
      <ol class="lines">${found.entries.map((/** @type {any} */ entry) => html`<li data-lane=${entry.lane}>
        <b>${clock(entry.at_ms)}</b> ${MARKS[entry.lane]} ${entryText(t, entry)}</li>`)}</ol></details>
    <button type="button" class="print" @click=${() => window.print()}>${t.text("debrief_print")}</button>
  </section>`;
}

/** @param {import("../i18n/catalogue.js").Catalogue} t @param {any} ghost */
function what(t, ghost) {
  const action = t.of(ghost.label);
  if (ghost.edit === "best") return t.text("ghost_best");
  return ghost.edit === "left_out" ? t.text("ghost_left_out", { action }) : t.text("ghost_in_time", { action, time: clock(ghost.at_ms) });
}

/** @param {import("../i18n/catalogue.js").Catalogue} t @param {any} lived @param {any} ghost */
function sentence(t, lived, ghost) {
  const lowest = (/** @type {any} */ course, /** @type {string} */ name) => Math.round(Math.min(...course.tracks[name]));
  const minutes = (/** @type {any} */ course) => Math.round(course.unstable_s / 6) / 10;
  const heart = (/** @type {any} */ course) =>
    course.arrest_s === null ? t.text("ghost_no_arrest") : t.text("ghost_arrest", { time: clock(course.arrest_s * 1000) });
  const now = ghost.lived;
  return html`<b>${t.text("ghost_same", { what: what(t, ghost) })}</b>
    ${t.text("ghost_lowest", { spo2: lowest(now, "spo2"), spo2_was: lowest(lived, "spo2"), sbp: lowest(now, "sbp"), sbp_was: lowest(lived, "sbp") })}
    ${t.text("ghost_unstable", { n: minutes(now), was: minutes(lived) })}
    ${lived.arrest_s === now.arrest_s ? nothing : heart(now)}`;
}

/** @param {import("../i18n/catalogue.js").Catalogue} t @param {any} entry */
function entryText(t, entry) {
  if (entry.lane === "fault") return t.text(`fault_${entry.text}`);
  if (entry.lane === "alarm") return entry.text.replaceAll("_", " ");
  return `${t.of(entry.label) || entry.text} ${entry.dose}`.trim();
}

/** @param {import("../i18n/catalogue.js").Catalogue} t @param {any} found @param {any} ghost */
function axis(t, found, ghost) {
  const endMs = Math.max(60_000, found.end_ms);
  const width = innerWidth < 700 ? NARROW : WIDE;
  const x = (/** @type {number} */ ms) => LEFT + ((width - LEFT - 6) * ms) / endMs;
  const height = LANES.length * LANE + 44;
  const everyMs = [60_000, 120_000, 300_000, 600_000].find((ms) => endMs / ms <= width / 70) ?? 1_800_000;
  const ticks = Array.from({ length: Math.floor(endMs / everyMs) + 1 }, (_, i) => i * everyMs);
  return html`<svg class="axis" viewBox="0 0 ${width} ${height}" role="img" aria-label=${t.text("debrief_chart_text")}>
    ${found.entries.filter((/** @type {any} */ e) => e.until_ms !== null).map(
      (/** @type {any} */ e) => svg`<rect class="span ${e.lane}" x=${x(e.at_ms)} y="0" width=${Math.max(2, x(e.until_ms) - x(e.at_ms))} height=${height - 40}></rect>`,
    )}
    ${LANES.map((lane, row) => laneOf(t, lane, row * LANE, found, ghost, x))}
    ${ticks.map((ms) => svg`<line class="tick" x1=${x(ms)} x2=${x(ms)} y1="0" y2=${height - 30}></line>
      <text class="small" x=${x(ms)} y=${height - 4} text-anchor="middle">${clock(ms)}</text>`)}
    ${found.entries.map((/** @type {any} */ e) => svg`<text class="mark ${e.lane}" x=${x(e.at_ms)} y=${height - 20} text-anchor="middle"
      >${MARKS[e.lane]}<title>${clock(e.at_ms)} ${entryText(t, e)}</title></text>`)}
  </svg>`;
}

/**
 * @param {import("../i18n/catalogue.js").Catalogue} t @param {typeof LANES[number]} lane @param {number} top
 * @param {any} found @param {any} ghost @param {(ms: number) => number} x
 */
function laneOf(t, lane, top, found, ghost, x) {
  const all = [...found.lived.tracks[lane.track], ...(ghost?.lived.tracks[lane.track] ?? [])];
  const low = Math.min(lane.least, ...all), high = Math.max(lane.most, ...all);
  const y = (/** @type {number} */ value) => top + 6 + ((LANE - 14) * (high - value)) / (high - low);
  const path = (/** @type {any} */ course) =>
    course.tracks[lane.track].map((/** @type {number} */ v, /** @type {number} */ i) => `${x(i * course.step_s * 1000).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
  const shown = (found.shown[lane.metric] ?? []).filter((/** @type {any} */ pair) => pair[1] !== null);
  return svg`<text class="small" x="2" y=${top + 16}>${t.text(lane.text)}</text>
    <text class="small" x="2" y=${top + 32}>${Math.round(high)}</text><text class="small" x="2" y=${top + LANE - 8}>${Math.round(low)}</text>
    <polyline class="lived ${lane.style}" points=${path(found.lived)}></polyline>
    ${ghost ? svg`<polyline class="ghost ${lane.style}" points=${path(ghost.lived)}></polyline>` : nothing}
    ${shown.map((/** @type {any} */ pair) => svg`<circle class="shown" cx=${x(pair[0])} cy=${y(Math.min(high, Math.max(low, pair[1])))} r="1.6"></circle>`)}`;
}
