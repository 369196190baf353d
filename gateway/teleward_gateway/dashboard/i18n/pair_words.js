// @ts-check
/** Texts of adding a device and admitting a patient. */

import { catalogueOf } from "./words.js";

export const texts = await catalogueOf("pair");

/** @param {string} key @param {Record<string, any>} [values] @returns {string} */
export const p = (key, values) => texts.text(key, values);
