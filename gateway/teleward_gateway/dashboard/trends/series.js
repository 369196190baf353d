// @ts-check
/**
 * Trends of a subject on one grid of time: every metric has a place in each bucket, empty where
 * nothing was recorded.
 *
 * @typedef {object} Series
 * @property {string} metric
 * @property {(number|null)[]} low @property {(number|null)[]} mean @property {(number|null)[]} high
 * @property {number[]} count
 *
 * @typedef {object} Grid
 * @property {number} stepMs width of a bucket @property {number[]} times when each begins, ms
 * @property {Map<string, Series>} series by metric, those with values
 * @property {boolean} complete false while older records are still being summed up
 */

import { call } from "../core/api.js";

/** What a ward charts; drawn in this order when it has values. */
export const CHARTED = [
  "heart_rate", "pulse_rate", "spo2", "nibp_systolic", "nibp_diastolic", "nibp_mean",
  "arterial_systolic", "arterial_diastolic", "arterial_mean", "respiratory_rate", "etco2",
  "body_temperature", "news2",
];
/** What a bed shows beside that is entered or internal, and is no line. */
const LEFT_OUT = new Set([
  "consciousness", "supplemental_oxygen", "spo2_scale", "battery", "cuff_pressure", "rr_interval",
  "perfusion_index", "pulse_arrival_time", "anomaly",
]);
const MOST_OTHERS = 6;

/**
 * @param {string} id of the subject @param {Iterable<string>} shown metrics that the bed shows now
 * @param {number} startMs @param {number} endMs @param {number} points @returns {Promise<Grid>}
 */
export async function readGrid(id, shown, startMs, endMs, points) {
  const others = [...shown].filter((name) => !CHARTED.includes(name) && !LEFT_OUT.has(name));
  const query = new URLSearchParams({
    start_ns: nanoseconds(startMs),
    end_ns: nanoseconds(endMs),
    points: String(points),
  });
  const path = `/subjects/${encodeURIComponent(id)}/trends`;
  const answers = await Promise.all(
    [...CHARTED, ...others.slice(0, MOST_OTHERS)].map((name) => call("GET", `${path}/${name}?${query}`)),
  );
  return gridOf(answers, startMs, endMs);
}

/** @param {number} ms @returns {string} exact beyond 2^53 */
export function nanoseconds(ms) {
  return `${Math.round(ms)}000000`;
}

/** @param {any[]} answers of the API @param {number} startMs @param {number} endMs @returns {Grid} */
export function gridOf(answers, startMs, endMs) {
  const stepMs = Math.max(...answers.map((answer) => answer.bucket_s * 1000));
  const first = Math.floor(startMs / stepMs) * stepMs;
  const times = /** @type {number[]} */ ([]);
  for (let time = first; time < endMs; time += stepMs) times.push(time);
  const series = new Map();
  for (const answer of answers) {
    if (!answer.time_ms.length) continue;
    const empty = () => /** @type {(number|null)[]} */ (new Array(times.length).fill(null));
    const made = { metric: answer.metric, low: empty(), mean: empty(), high: empty(), count: new Array(times.length).fill(0) };
    answer.time_ms.forEach((/** @type {number} */ time, /** @type {number} */ i) => {
      const place = Math.round((time - first) / stepMs);
      if (place < 0 || place >= times.length) return;
      for (const part of /** @type {const} */ (["low", "mean", "high", "count"])) made[part][place] = answer[part][i];
    });
    series.set(answer.metric, made);
  }
  return { stepMs, times, series, complete: answers.every((answer) => answer.complete) };
}

/**
 * Several buckets as one, for a table of few rows.
 * @param {Series} series @param {number} from @param {number} to places, the last not included
 * @returns {{low: number, mean: number, high: number} | null}
 */
export function joined({ low, mean, high, count }, from, to) {
  let [least, most, sum, n] = [Infinity, -Infinity, 0, 0];
  for (let i = from; i < to; i++) {
    const value = mean[i];
    if (value === null || value === undefined) continue;
    least = Math.min(least, /** @type {number} */ (low[i]));
    most = Math.max(most, /** @type {number} */ (high[i]));
    sum += value * count[i];
    n += count[i];
  }
  return n ? { low: least, mean: sum / n, high: most } : null;
}
