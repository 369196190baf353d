// @ts-check
/** Texts of the commissioning page, shared by its parts. */

import { catalogueOf } from "./words.js";

const words = await catalogueOf("devices");

/** @param {string} key @param {Record<string, any>} [values] @returns {string} */
export const t = (key, values) => words.text(key, values);

/** @param {string} key @returns {boolean} whether the texts have it */
export const known = (key) => key in words.texts;
