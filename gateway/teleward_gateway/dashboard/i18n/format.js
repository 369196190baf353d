// @ts-check
/** Numbers and times as the pages write them. */

/** @param {number} ms @returns {string} "8 s", "3 min", "2 h", "4 d" */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** @param {number} ms @returns {string} time of day with seconds, 24 h */
export function clockTime(ms) {
  return new Date(ms).toLocaleTimeString("en-GB");
}

/** @param {number} ms @returns {string} time of day without seconds */
export function shortTime(ms) {
  return new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** UCUM units as people read them. */
const UNITS = /** @type {Record<string, string>} */ ({
  "/min": "/min",
  "mm[Hg]": "mmHg",
  Cel: "°C",
  "%": "%",
});

/** UCUM annotations in braces name what is counted and are no unit: "{beats}/min" is "/min".
 * @param {string} unit UCUM */
export function unitText(unit) {
  const plain = unit.replace(/\{[^}]*\}/g, "");
  return UNITS[plain] ?? plain;
}
