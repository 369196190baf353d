// @ts-check
/** Numbers, times and names as the pages write them. */

import { decodePunycode } from "./punycode.js";
import { known, language, t } from "./words.js";

/** Before the id of a bed whose name has letters other than a to z. */
const FOREIGN = "xn--";

/** Times and dates in the reader's style, in the language of the page. */
const LOCALES = language === "en" ? navigator.languages : [`${language}-u-nu-latn`, ...navigator.languages];

/** @param {number} ms @returns {string} "8 s", "3 min", "2 h", "4 d" */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** @param {number} ms @returns {string} "8 s ago"; "just now" below two seconds */
export function ago(ms) {
  return ms < 2000 ? t("just_now") : t("ago", { age: age(ms) });
}

/** @param {number} ms @returns {string} a span of time: "8 s", "3 min 20 s", "2 h 5 min" */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * When something was, in the reader's own style: the time today, else with the day.
 * @param {number} ms @param {number} nowMs @returns {string}
 */
export function moment(ms, nowMs) {
  const today = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const day = today ? {} : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(LOCALES, { ...day, hour: "2-digit", minute: "2-digit", hour12: false }).format(
    new Date(ms),
  );
}

/** @param {number} ms @returns {string} day and time in the reader's own style */
export function dayTime(ms) {
  return new Intl.DateTimeFormat(LOCALES, {
    day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  }).format(new Date(ms));
}

/** @param {number} ms @returns {string} time of day with seconds, 24 h */
export function clockTime(ms) {
  return new Date(ms).toLocaleTimeString("en-GB");
}

/** @param {number} ms @returns {string} time of day without seconds */
export function shortTime(ms) {
  return new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** @param {string} state of a device's link @returns {string} as people call it */
export function linkText(state) {
  const key = `link_state_${state}`;
  return known(key) ? t(key) : state.replaceAll("_", " ");
}

/** Short names of wards, which people write in capitals; the register keeps beds in small letters. */
const WARDS = new Set(["icu", "hdu", "nicu", "picu", "ccu", "er", "ed", "ot", "opd"]);

/** @param {string|null} bed as the register has it, "bed-4", "icu-3" @returns {string} "Bed 4", "ICU 3" */
export function bedName(bed) {
  if (!bed) return t("no_bed");
  const text = (bed.startsWith(FOREIGN) && decodePunycode(bed.slice(FOREIGN.length))) || bed;
  const words = text.replace(/[^-_ ]+/g, (word) => (WARDS.has(word) ? word.toUpperCase() : word)).replace(/[-_]+/g, " ");
  return words[0].toUpperCase() + words.slice(1);
}

/**
 * What people call a device: its label, else its name in the register as words.
 * @param {Record<string, any> | undefined} links @param {string} device @returns {string}
 */
export function deviceName(links, device) {
  return links?.[device]?.label ?? bedName(device);
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

/** Time of a case in minutes and seconds, "4:10". @param {number} ms */
export function caseTime(ms) {
  return `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;
}
