// @ts-check
/** Colours of the page for what is drawn on a canvas. */

/** @param {string} name of a custom property @returns {string} */
export function color(name) {
  return getComputedStyle(document.body).getPropertyValue(name).trim();
}
