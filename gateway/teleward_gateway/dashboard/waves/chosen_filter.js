// @ts-check
/** The ECG display filter that this browser chose last. */

/** @typedef {import("./ecg_filter.js").FilterChoice} FilterChoice */

const CHOICE = "teleward.ecg-filter";
export const BANDS = ["off", "monitor", "diagnostic"];
export const NOTCHES = [0, 50, 60];

/** @returns {FilterChoice} what this browser chose last, else no filter */
export function rememberedFilter() {
  const [band, notch] = (localStorage.getItem(CHOICE) ?? "").split(" ");
  const known = BANDS.includes(band) && NOTCHES.includes(Number(notch));
  return known ? { band: /** @type {any} */ (band), notchHz: Number(notch) } : { band: "off", notchHz: 0 };
}

/** @param {FilterChoice} choice kept for this browser */
export function rememberFilter({ band, notchHz }) {
  localStorage.setItem(CHOICE, `${band} ${notchHz}`);
}
