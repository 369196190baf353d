// @ts-check
/**
 * Texts of the live pages in the language of this browser: there before a page draws.
 *
 * The reader picks the language at the foot of a page, and the browser remembers it.
 */

import { offline } from "../core/api.js";
import { Phrases } from "./phrases.js";
import { Catalogue } from "./texts.js";

const KEPT = "teleward.language";
const AGAIN_MS = 1000;

/** Names of the languages in their own words: `live.CODE.json` and its neighbours are their texts. */
export const LANGUAGES = /** @type {Record<string, string>} */ ({ en: "English", hi: "हिन्दी" });

/** @returns {string} the language that this browser used last, else that of the browser */
function chosen() {
  const kept = localStorage.getItem(KEPT) ?? "";
  const wanted = kept in LANGUAGES ? kept : navigator.language.slice(0, 2);
  return wanted in LANGUAGES ? wanted : "en";
}

export const language = chosen();
document.documentElement.lang = language;

/** A page without its texts is none: it goes on asking. @param {string} name @returns {Promise<any>} */
async function read(name) {
  for (;;) {
    const answer = await fetch(`/static/i18n/${name}.${language}.json`).catch(() => null);
    if (answer) return answer.ok ? answer.json() : {};
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

const [live, phrases] = await Promise.all([read("live"), language === "en" ? {} : read("phrases")]);
const made = new Phrases(phrases);

export const words = new Catalogue(language, live, {});

/** @param {string} key @param {Record<string, any>} [values] @returns {string} */
export const t = (key, values) => words.text(key, values);

/** @param {string} key @returns {boolean} whether the texts have it */
export const known = (key) => key in words.texts;

/** A text that the gateway wrote, in this language as far as it is known. @param {string} text */
export const translated = (text) => made.of(text);

/** The texts of one page. @param {string} pages the begin of the file's name */
export const catalogueOf = async (pages) => new Catalogue(language, await read(pages), {});

offline.text = t("refused_offline");

/** Keep the choice and open the page in it. @param {string} code */
export function choose(code) {
  localStorage.setItem(KEPT, code);
  location.reload();
}

/** Texts and labels that stand in the page's file. @param {ParentNode} root */
export function fillIn(root = document) {
  for (const part of root.querySelectorAll("[data-text]")) {
    part.textContent = t(/** @type {HTMLElement} */ (part).dataset.text ?? "");
  }
  for (const part of root.querySelectorAll("[data-label]")) {
    part.setAttribute("aria-label", t(/** @type {HTMLElement} */ (part).dataset.label ?? ""));
  }
}
