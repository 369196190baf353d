// @ts-check
/**
 * A stretch of the record: the waveforms as they were sent, with their holes, and the marks on it.
 *
 * Times are ms from the begin of the stretch.
 *
 * @typedef {object} Run  samples without a hole
 * @property {number} at    of the first sample @property {number} step  from sample to sample
 * @property {Float32Array} values
 *
 * @typedef {object} Lead
 * @property {string} metric @property {string} label @property {string} unit
 * @property {number} fs Hz @property {Run[]} runs
 * @property {boolean} computed from leads I and II, not recorded
 *
 * @typedef {object} Mark
 * @property {"beat"|"rhythm"|"alarm"|"note"|"device"} kind
 * @property {number} at @property {number|null} until
 * @property {string} text @property {string} author @property {string} priority
 * @property {string} state of an alarm: on, latched, ack, off
 *
 * @typedef {object} Stretch
 * @property {number} startMs Unix time @property {number} ms its length
 * @property {number|null} keptFromMs since when the gateway keeps waveforms
 * @property {boolean} simulated @property {boolean} complete
 * @property {Lead[]} leads @property {Mark[]} marks
 */

import { call } from "../core/api.js";
import { EcgFilter } from "./ecg_filter.js";

/** What a filter sees before the stretch, so that it has settled where the paper begins. */
const LEAD_IN_MS = 2000;
/** Mean time of day to nanoseconds without the rounding of large numbers. */
const NS = "000000";
const MARK_KINDS = ["annotation", "alarm", "device"];
const MOST_MARKS = 2000;

/**
 * @param {string} subject @param {number|null} startMs Unix time; null is the newest stretch
 * @param {number} seconds @returns {Promise<Stretch>}
 */
export async function readStretch(subject, startMs, seconds) {
  const path = `/subjects/${encodeURIComponent(subject)}`;
  const query = new URLSearchParams({ seconds: String(seconds + LEAD_IN_MS / 1000) });
  if (startMs !== null) query.set("start_ns", Math.max(0, Math.round(startMs - LEAD_IN_MS)) + NS);
  const answer = await call("GET", `${path}/waveforms?${query}`);
  const begin = Math.round(answer.start_ns / 1e6) + LEAD_IN_MS;
  return {
    startMs: begin,
    ms: seconds * 1000,
    keptFromMs: answer.kept_from_ns === null ? null : answer.kept_from_ns / 1e6,
    simulated: answer.provenance === "simulated",
    complete: answer.complete,
    leads: withComputed(chosen(answer.channels, begin)),
    marks: await readMarks(path, begin, seconds * 1000),
  };
}

/** @param {string} path @param {number} begin @param {number} ms @returns {Promise<Mark[]>} in order */
export async function readMarks(path, begin, ms) {
  const span = new URLSearchParams({ start_ns: begin + NS, end_ns: begin + ms + NS });
  const query = new URLSearchParams([...span, ["limit", String(MOST_MARKS)]]);
  for (const kind of MARK_KINDS) query.append("kind", kind);
  const [{ observations }, notes] = await Promise.all([
    call("GET", `${path}/observations?${query}`),
    // one who has left has a record, and no timeline
    call("GET", `${path}/timeline?${span}`).catch(() => []),
  ]);
  const found = notesOf(notes, begin).filter(({ at }) => at >= 0 && at < ms);
  for (const record of observations) {
    const mark = markOf(record, record.time_ns / 1e6 - begin);
    if (mark) found.push(mark);
  }
  return found.sort((a, b) => a.at - b.at);
}

/** @param {any[]} happenings lines of the timeline @param {number} begin @returns {Mark[]} */
function notesOf(happenings, begin) {
  return happenings
    .filter(({ kind }) => kind === "note")
    .map(({ time_ns: timeNs, until_ns: untilNs, text, author }) => ({
      kind: /** @type {const} */ ("note"),
      at: timeNs / 1e6 - begin,
      until: untilNs ? untilNs / 1e6 - begin : null,
      text,
      author: author ?? "",
      priority: "",
      state: "",
    }));
}

/** @param {any} record @param {number} at @returns {Mark | null} what the paper shows of a record */
function markOf({ kind, payload, device, time_ns: timeNs }, at) {
  const mark = { at, until: null, author: "", priority: "", text: "", state: "" };
  if (kind === "alarm") {
    const { text, condition, priority, presence, author = "" } = payload;
    return { ...mark, kind: "alarm", text: text ?? condition, priority, author, state: presence };
  }
  if (kind === "device") {
    const text = payload.identity?.message;
    return text ? { ...mark, kind: "device", text, author: device ?? "" } : null;
  }
  const { symbol, label = "", until_ns: untilNs } = payload;
  const until = untilNs ? at + (untilNs - timeNs) / 1e6 : null;
  if (symbol === "+") return { ...mark, kind: "rhythm", text: label, until };
  return { ...mark, kind: "beat", text: symbol };
}

/** One channel of each metric: two devices may send the same. @param {any[]} channels @param {number} begin */
function chosen(channels, begin) {
  /** @type {Map<string, Lead & {count: number}>} */
  const best = new Map();
  for (const { metric, label, unit, fs, runs } of channels) {
    const count = runs.reduce((/** @type {number} */ sum, /** @type {any} */ run) => sum + run.samples.length, 0);
    if (count <= (best.get(metric)?.count ?? 0)) continue;
    const decoded = runs.map((/** @type {any} */ run) => ({
      at: run.time_ns / 1e6 - begin,
      step: run.period_ns / 1e6,
      values: Float32Array.from(run.samples, (/** @type {number} */ sample) => sample * run.scale + run.offset),
    }));
    best.set(metric, { metric, label, unit, fs, runs: decoded, computed: false, count });
  }
  return /** @type {Lead[]} */ ([...best.values()]);
}

/** Einthoven and Goldberger: parts of leads I and II. */
const FROM_I_AND_II = /** @type {[string, string, number, number][]} */ ([
  ["ecg_iii", "III", -1, 1],
  ["ecg_avr", "aVR", -0.5, -0.5],
  ["ecg_avl", "aVL", 1, -0.5],
  ["ecg_avf", "aVF", -0.5, 1],
]);

/** Limb leads that were not sent follow from I and II of the same moments. @param {Lead[]} leads */
export function withComputed(leads) {
  const one = leads.find(({ metric }) => metric === "ecg_i");
  const two = leads.find(({ metric }) => metric === "ecg_ii");
  const together =
    one && two && one.runs.length === two.runs.length &&
    one.runs.every((run, place) => {
      const other = two.runs[place];
      return run.values.length === other.values.length && Math.abs(run.at - other.at) < run.step / 2;
    });
  if (!one || !together) return leads;
  const made = FROM_I_AND_II.filter(([metric]) => !leads.some((lead) => lead.metric === metric));
  return [
    ...leads,
    ...made.map(([metric, label, a, b]) => ({
      ...one,
      metric,
      label,
      computed: true,
      runs: one.runs.map((run, place) => ({
        ...run,
        values: run.values.map((value, at) => a * value + b * two.runs[place].values[at]),
      })),
    })),
  ];
}

/** @param {Lead} lead @param {import("./ecg_filter.js").FilterChoice} choice @returns {Lead} */
export function filtered(lead, choice) {
  if (!lead.metric.startsWith("ecg") || (choice.band === "off" && !choice.notchHz)) return lead;
  const filter = new EcgFilter(choice, lead.fs);
  let end = NaN;
  const runs = lead.runs.map((run) => {
    const lost = Number.isNaN(end) ? 0 : Math.min(Math.max(0, Math.round((run.at - end) / run.step)), 1000);
    for (let sample = 0; sample < lost; sample++) filter.next(NaN);
    end = run.at + run.values.length * run.step;
    return { ...run, values: run.values.map((value) => filter.next(value)) };
  });
  return { ...lead, runs };
}

/**
 * Holes of a lead within the stretch, longer than a few samples.
 * @param {Lead} lead @param {number} ms of the stretch @param {number} least ms
 * @returns {{at: number, until: number}[]}
 */
export function gaps(lead, ms, least = 200) {
  const found = [];
  let end = 0;
  for (const run of lead.runs) {
    if (run.at - end >= least) found.push({ at: end, until: Math.min(run.at, ms) });
    end = Math.max(end, run.at + run.values.length * run.step);
  }
  if (ms - end >= least) found.push({ at: end, until: ms });
  return found.filter(({ at, until }) => until > at);
}
