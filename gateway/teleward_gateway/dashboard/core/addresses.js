// @ts-check
/** Addresses of pages about a moment of the record. */

/** Shown before and after what is looked for, s. */
const AROUND_S = 10;

/** @param {string} subject @param {number} ms Unix time of what is looked for */
export function stripAround(subject, ms) {
  const from = new Date(ms - AROUND_S * 1000).toISOString();
  return `/bed/${encodeURIComponent(subject)}/strip?from=${from}&seconds=${2 * AROUND_S}`;
}
