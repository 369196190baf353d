// @ts-check
/** One stretch drawn on ECG paper: grid, leads, holes, beats, numbered flags of what happened. */

import { html, svg } from "../vendor/lit-html.js";
import { calibrationPulse, paperGrid } from "../waves/grid.js";
import { MARKS, tracePath, xOf } from "../waves/paper.js";
import { gaps } from "../waves/record.js";

/**
 * @typedef {import("../waves/paper.js").Paper} Paper
 * @typedef {import("../waves/paper.js").Band} Band
 * @typedef {import("../waves/paper.js").Lane} Lane
 * @typedef {import("../waves/record.js").Mark} Mark
 * @typedef {(key: string, values?: Record<string, any>) => string} Text
 */

/** Room for the words of a hole. */
const WORDS_MM = 24;
const FLAG_MM = 2;

/** What has a number on the paper and a line in the list. @param {Mark[]} marks */
export function flagged(marks) {
  return marks.filter(({ kind }) => kind !== "beat");
}

/**
 * @param {Paper} paper @param {{ms: number, marks: Mark[]}} stretch
 * @param {(lane: Lane) => string} label @param {Text} t @param {string} name of the drawing
 * @param {string} id of the group for the calipers
 */
export function sheet(paper, { ms, marks }, label, t, name, id) {
  const { width, height } = paper;
  return html`<svg
    class="paper"
    role="group"
    aria-label=${name}
    width=${`${width}mm`}
    height=${`${height}mm`}
    viewBox=${`0 0 ${width} ${height}`}
  >
    ${paperGrid(width, height)} ${paper.bands.map((band) => drawBand(paper, band, ms, marks, label, t))}
    <g id=${id}></g>
  </svg>`;
}

/**
 * @param {Paper} paper @param {Band} band @param {number} ms @param {Mark[]} marks
 * @param {(lane: Lane) => string} label @param {Text} t
 */
function drawBand(paper, band, ms, marks, label, t) {
  const within = (/** @type {Mark} */ { at }) => at >= band.from && at < band.until;
  const flags = flagged(marks);
  return svg`<g class="band">
    ${marks.filter((mark) => mark.kind === "beat" && within(mark)).map((mark) => beat(paper, band, mark))}
    ${flags.map((mark, place) => (within(mark) ? flag(paper, band, mark, place + 1) : null))}
    ${band.lanes.map((lane) => drawLane(paper, band, lane, ms, label, t))}
  </g>`;
}

/** @param {Paper} paper @param {Band} band @param {Mark} mark */
function beat(paper, band, { at, text }) {
  return svg`<text class=${text === "N" ? "beat" : "beat other"} x=${xOf(paper, band, at)} y=${band.top + MARKS - 1}
    text-anchor="middle">${text}</text>`;
}

/** @param {Paper} paper @param {Band} band @param {Mark} mark @param {number} number */
function flag(paper, band, { at, kind, priority }, number) {
  const x = xOf(paper, band, at);
  return svg`<g class=${`flag ${kind} ${priority}`}>
    <path d=${`M${x} ${band.top + 2 * FLAG_MM}V${band.bottom}`}></path>
    <circle cx=${x} cy=${band.top + FLAG_MM + 0.2} r=${FLAG_MM}></circle>
    <text x=${x} y=${band.top + FLAG_MM + 1.1} text-anchor="middle">${number}</text>
  </g>`;
}

/**
 * @param {Paper} paper @param {Band} band @param {Lane} lane @param {number} ms
 * @param {(lane: Lane) => string} label @param {Text} t
 */
function drawLane(paper, band, lane, ms, label, t) {
  const left = xOf(paper, band, lane.from);
  const { speed, gain } = paper;
  return svg`<g class="lane" data-lead=${lane.lead.metric}>
    ${lane.first && lane.calibrated ? calibrationPulse(paper.left - 1, lane.y, speed, gain) : null}
    ${lane.first ? null : svg`<path class="column" d=${`M${left} ${lane.y - 5}v3`}></path>`}
    <path class="trace" d=${tracePath(paper, band, lane)}></path>
    ${gaps(lane.lead, ms).map((gap) => hole(paper, band, lane, gap, t))}
    <text class="lead" x=${left + 1} y=${lane.y - 7}>${label(lane)}</text>
  </g>`;
}

/**
 * @param {Paper} paper @param {Band} band @param {Lane} lane @param {{at: number, until: number}} gap
 * @param {Text} t
 */
function hole(paper, band, lane, gap, t) {
  const at = Math.max(gap.at, lane.from);
  const until = Math.min(gap.until, lane.until);
  if (until <= at) return null;
  const [left, right] = [xOf(paper, band, at), xOf(paper, band, until)];
  const words = right - left > WORDS_MM ? t("no_signal", { seconds: (until - at) / 1000 }) : "";
  return svg`<g class="hole"><path d=${`M${left} ${lane.y}v-2v4v-2M${right} ${lane.y}v-2v4`}></path>
    <text x=${(left + right) / 2} y=${lane.y + 1} text-anchor="middle">${words}</text></g>`;
}
