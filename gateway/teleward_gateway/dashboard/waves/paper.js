// @ts-check
/**
 * Where the leads of a stretch lie on the paper, in millimetres.
 *
 *     band    a piece of the stretch as long as the paper is wide; the next one lies below it
 *     lane    one lead on a band, or on a part of it (the columns of twelve leads)
 *
 * @typedef {import("./record.js").Lead} Lead
 * @typedef {object} Lane
 * @property {Lead} lead @property {number} from ms @property {number} until ms
 * @property {number} y     mm of the baseline @property {number} scale mm per unit
 * @property {number} zero  value at the baseline @property {boolean} calibrated
 * @property {boolean} first whether it is the first of its row
 * @property {boolean} cut   whether the trace goes beyond the lane
 *
 * @typedef {object} Band
 * @property {number} from ms @property {number} until ms
 * @property {number} top mm @property {number} bottom mm @property {Lane[]} lanes
 *
 * @typedef {object} Paper
 * @property {number} width mm @property {number} height mm @property {number} left mm of the time axis
 * @property {number} speed mm/s @property {number} gain mm/mV @property {Band[]} bands
 */

export const SPEEDS = [12.5, 25, 50];
export const GAINS = [5, 10, 20];
/** Rows and columns of twelve leads, as cart machines print them. */
const TWELVE = [
  ["ecg_i", "ecg_avr", "ecg_v1", "ecg_v4"],
  ["ecg_ii", "ecg_avl", "ecg_v2", "ecg_v5"],
  ["ecg_iii", "ecg_avf", "ecg_v3", "ecg_v6"],
];
const RHYTHM = "ecg_ii";
export const ECG_ORDER = ["ecg_ii", "ecg_i", "ecg_iii", "ecg_avr", "ecg_avl", "ecg_avf", "ecg_v1", "ecg_v2",
  "ecg_v3", "ecg_v4", "ecg_v5", "ecg_v6"];
/** Height of the marks above a band, and of a trace that is no ECG, in mm. */
export const MARKS = 12;
const OTHER = 20;
const LEFT = 13;
const RIGHT = 2;
/** A lane has room for its trace, within these: 4 mV at the usual gain, 3 mV at the largest. */
const LEAST_UP = 10;
const MOST_UP = 60;
const LEAST_DOWN = 5;
const MOST_DOWN = 45;

/** @param {Lead[]} leads @returns {boolean} */
export function hasTwelve(leads) {
  return TWELVE.flat().every((metric) => leads.some((lead) => lead.metric === metric));
}

/** @param {Lead[]} leads @returns {Lead[]} ECG leads in the usual order, then what else there is */
export function inOrder(leads) {
  const place = (/** @type {Lead} */ { metric }) => (ECG_ORDER.indexOf(metric) + 1 || 99);
  return [...leads].sort((a, b) => place(a) - place(b));
}

/**
 * @param {Lead[]} leads those to show, in order @param {number} ms of the stretch
 * @param {{speed: number, gain: number, width: number, twelve: boolean}} look width in mm, of the sheet
 * @returns {Paper}
 */
export function layOut(leads, ms, { speed, gain, width, twelve }) {
  const longest = Math.max(Math.floor(((width - LEFT - RIGHT) / speed) * 2) * 500, 500);
  const piece = Math.min(ms, twelve ? Math.max(longest, 250_000 / speed) : longest);
  /** @type {Band[]} */
  const bands = [];
  let top = 0;
  for (let from = 0; from < ms - 1; from += piece) {
    const until = Math.min(from + piece, ms);
    const band = { from, until, top, bottom: 0, lanes: /** @type {Lane[]} */ ([]) };
    let y = top + MARKS;
    for (const row of twelve ? twelveRows(leads, from, piece, until) : leads.map((lead) => [{ lead, from, until }])) {
      y = addRow(band, row, y, gain);
    }
    band.bottom = y;
    bands.push(band);
    top = y;
  }
  const across = LEFT + (piece / 1000) * speed + RIGHT;
  return { width: Math.ceil(across / 5) * 5, height: Math.ceil(top / 5) * 5, left: LEFT, speed, gain, bands };
}

/** @param {Lead[]} leads @param {number} from @param {number} piece @param {number} until */
function twelveRows(leads, from, piece, until) {
  const named = (/** @type {string} */ metric) => /** @type {Lead} */ (leads.find((lead) => lead.metric === metric));
  const rows = TWELVE.map((row) =>
    row.map((metric, column) => ({
      lead: named(metric),
      from: from + (column * piece) / 4,
      until: Math.min(from + ((column + 1) * piece) / 4, until),
    })).filter((cell) => cell.until > cell.from),
  );
  return [...rows, [{ lead: named(RHYTHM), from, until }]];
}

/**
 * @param {Band} band @param {{lead: Lead, from: number, until: number}[]} row
 * @param {number} y mm where it begins @param {number} gain @returns {number} mm where it ends
 */
function addRow(band, row, y, gain) {
  let up = LEAST_UP;
  let down = LEAST_DOWN;
  const cells = row.map((cell) => {
    const range = rangeOf(cell.lead, cell.from, cell.until);
    const calibrated = cell.lead.unit === "mV";
    const scale = calibrated ? gain : (OTHER - 4) / (range.high - range.low);
    const zero = calibrated ? range.middle : range.low;
    const above = (range.high - zero) * scale;
    const below = (zero - range.low) * scale;
    up = Math.max(up, above + 3);
    down = Math.max(down, below + 2);
    return { ...cell, scale, zero, calibrated, cut: above > MOST_UP || below > MOST_DOWN };
  });
  up = Math.ceil(Math.min(up, MOST_UP) / 5) * 5;
  down = Math.ceil(Math.min(down, MOST_DOWN) / 5) * 5;
  band.lanes.push(...cells.map((cell, place) => ({ ...cell, y: y + up, first: place === 0 })));
  return y + up + down;
}

/** @param {Lead} lead @param {number} from @param {number} until @returns {{low: number, middle: number, high: number}} */
function rangeOf(lead, from, until) {
  const values = /** @type {number[]} */ ([]);
  for (const run of lead.runs) {
    const first = Math.max(0, Math.ceil((from - run.at) / run.step));
    const stop = Math.min(run.values.length, Math.ceil((until - run.at) / run.step));
    for (let place = first; place < stop; place++) values.push(run.values[place]);
  }
  if (!values.length) return { low: 0, middle: 0, high: 1 };
  values.sort((a, b) => a - b);
  const [low, middle, high] = [0, 0.5, 1].map((part) => values[Math.round(part * (values.length - 1))]);
  return { low, middle, high: high > low ? high : low + 1 };
}

/** @param {Paper} paper @param {Band} band @param {number} at ms @returns {number} mm */
export function xOf(paper, band, at) {
  return paper.left + ((at - band.from) / 1000) * paper.speed;
}

/** @param {Paper} paper @param {number} x mm @param {number} y mm @returns {number} ms */
export function timeAt(paper, x, y) {
  const band = paper.bands.find(({ bottom }) => y < bottom) ?? paper.bands[paper.bands.length - 1];
  const at = band.from + ((x - paper.left) / paper.speed) * 1000;
  return Math.min(Math.max(at, band.from), band.until);
}

/**
 * The trace of a lane as a path in mm: a hole in the record is a hole in the path.
 * @param {Paper} paper @param {Band} band @param {Lane} lane @returns {string}
 */
export function tracePath(paper, band, lane) {
  const parts = [];
  for (const run of lane.lead.runs) {
    const first = Math.max(0, Math.ceil((lane.from - run.at) / run.step));
    const stop = Math.min(run.values.length, Math.floor((lane.until - run.at) / run.step) + 1);
    for (let place = first; place < stop; place++) {
      const x = xOf(paper, band, run.at + place * run.step);
      const y = lane.y - (run.values[place] - lane.zero) * lane.scale;
      const shown = Math.min(Math.max(y, lane.y - MOST_UP), lane.y + MOST_DOWN);
      parts.push(`${place === first ? "M" : "L"}${x.toFixed(2)} ${shown.toFixed(2)}`);
    }
  }
  return parts.join("");
}
