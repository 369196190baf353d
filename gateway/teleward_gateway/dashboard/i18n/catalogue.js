// @ts-check
/** Texts of the pages: one JSON file a language. */

import { Catalogue } from "./texts.js";

export { Catalogue };

const LANGUAGE = "teleward.language";

/** What every gateway has; one with a classroom may have more. */
const USUAL = { en: "English", hi: "हिन्दी" };

/** Names of the languages by their codes, in their own words: one file each in this folder. */
export const LANGUAGES = /** @type {Record<string, string>} */ (
  await fetch("/api/v1/class/languages").then((answer) => (answer.ok ? answer.json() : USUAL)).catch(() => USUAL)
);

/** @returns {string} the language that this browser used last, else that of the browser */
export function chosenLanguage() {
  const kept = localStorage.getItem(LANGUAGE);
  if (kept && kept in LANGUAGES) return kept;
  const wanted = navigator.language.slice(0, 2);
  return wanted in LANGUAGES ? wanted : "en";
}

/**
 * @param {string} [language] @param {string} [pages] whose texts: the begin of the file's name
 * @returns {Promise<Catalogue>}
 */
export async function loadCatalogue(language = chosenLanguage(), pages = "class") {
  if (!(language in LANGUAGES)) language = "en";
  localStorage.setItem(LANGUAGE, language);
  document.documentElement.lang = language;
  const fetched = (/** @type {string} */ name) =>
    fetch(`/static/i18n/${pages}.${name}.json`).then((answer) => (answer.ok ? answer.json() : {}));
  const english = await fetched("en");
  return new Catalogue(language, language === "en" ? english : await fetched(language), english);
}
