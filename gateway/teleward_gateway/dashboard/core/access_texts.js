// @ts-check
/** Texts of the pages of access in the language of this browser. */

import { Catalogue } from "../i18n/texts.js";

const KEPT = "teleward.language";

/** Names of the languages by their codes, in their own words. */
export const LANGUAGES = /** @type {Record<string, string>} */ (
  await fetch("/api/v1/access/languages").then((answer) => answer.json()).catch(() => ({ en: "English" }))
);

/** @returns {string} the language that this browser used last, else that of the browser */
function chosen() {
  const kept = localStorage.getItem(KEPT) ?? "";
  const wanted = kept in LANGUAGES ? kept : navigator.language.slice(0, 2);
  return wanted in LANGUAGES ? wanted : "en";
}

/** @param {string} [language] @returns {Promise<Catalogue>} */
export async function loadTexts(language = chosen()) {
  localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
  const fetched = (/** @type {string} */ name) =>
    fetch(`/static/i18n/access.${name}.json`).then((answer) => answer.json());
  const english = await fetched("en");
  return new Catalogue(language, language === "en" ? english : await fetched(language), english);
}
