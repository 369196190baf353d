// @ts-check
/**
 * The address of a strip page: which stretch, and how it is drawn; the same in every browser.
 *
 *     /bed/sim-01/strip?from=2026-11-30T17:20:31.000Z&seconds=10&speed=25&gain=10&show=ecg&with=…
 */

import { GAINS, SPEEDS } from "../waves/paper.js";

export const LENGTHS = [5, 10, 20, 30, 60];

/**
 * @typedef {object} Choice
 * @property {number|null} from  Unix ms; null: the newest
 * @property {number} seconds @property {number} speed mm/s @property {number} gain mm/mV
 * @property {string} show  twelve, ecg, all or one metric; "" as fits the leads
 * @property {number|null} other  Unix ms of the stretch to compare with
 */

/** @returns {Choice} */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const among = (/** @type {string} */ name, /** @type {number[]} */ known, /** @type {number} */ usual) =>
    known.includes(Number(query.get(name))) ? Number(query.get(name)) : usual;
  return {
    from: momentOf(query.get("from")),
    seconds: among("seconds", LENGTHS, 10),
    speed: among("speed", SPEEDS, 25),
    gain: among("gain", GAINS, 10),
    show: query.get("show") ?? "",
    other: momentOf(query.get("with")),
  };
}

/** @param {string|null} text ISO 8601, or ms since 1970 @returns {number|null} Unix ms */
export function momentOf(text) {
  if (!text) return null;
  const ms = /^\d{11,}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

/** @param {Choice} choice */
export function writeAddress({ from, seconds, speed, gain, show, other }) {
  const query = new URLSearchParams({ seconds: String(seconds), speed: String(speed), gain: String(gain) });
  if (from !== null) query.set("from", new Date(from).toISOString());
  if (show) query.set("show", show);
  if (other !== null) query.set("with", new Date(other).toISOString());
  history.replaceState(null, "", `${location.pathname}?${query}`);
}

/** @param {number} ms @returns {string} what a field of date and time takes, in the reader's zone */
export function fieldTime(ms) {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}
