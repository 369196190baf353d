// @ts-check
/**
 * ECG intervals: what calipers measure, and the QT corrected for the rate.
 *
 * Formulas with QT and RR in ms: Bazett 1920, Fridericia 1920, Framingham (Sagie 1992), Hodges 1983.
 */

export const INTERVALS = ["PR", "QRS", "QT", "RR"];

/** Usual values of adults in ms: Surawicz 2009 (QRS), Rautaharju 2009 (QTc), AHA/ACCF/HRS. */
export const USUAL = /** @type {Record<string, string>} */ ({
  PR: "120–200",
  QRS: "< 120",
  QTc: "≤ 450 ♂ · ≤ 460 ♀",
});

export const FORMULAS = /** @type {Record<string, (qt: number, rr: number) => number>} */ ({
  Fridericia: (qt, rr) => qt / Math.cbrt(rr / 1000),
  Bazett: (qt, rr) => qt / Math.sqrt(rr / 1000),
  Framingham: (qt, rr) => qt + 154 * (1 - rr / 1000),
  Hodges: (qt, rr) => qt + 1.75 * (60000 / rr - 60),
});

/** A longer pause between marks is a hole in the record, or an arrest: no interval of a rate. */
const LONGEST_RR = 3000;

/**
 * @param {import("./record.js").Mark[]} marks
 * @returns {{ms: number, beats: number} | null} mean RR of the beats that were marked
 */
export function meanRR(marks) {
  const beats = marks.filter(({ kind, text }) => kind === "beat" && text !== "~").map(({ at }) => at);
  const found = beats.slice(1).map((at, place) => at - beats[place]).filter((rr) => rr > 0 && rr <= LONGEST_RR);
  if (found.length < 2) return null;
  return { ms: found.reduce((sum, rr) => sum + rr, 0) / found.length, beats: found.length + 1 };
}
