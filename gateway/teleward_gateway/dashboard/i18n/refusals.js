// @ts-check
/** Refusals of the gateway in the reader's words and language; loaded with the first of them. */

import { Phrases } from "./phrases.js";

/** @type {Record<string, Promise<Record<string, string>>>} */
const tables = {};

/** @param {string} language @returns {Promise<Record<string, string>>} */
function table(language) {
  tables[language] ??= fetch(`/static/i18n/refusals.${language}.json`).then((answer) => (answer.ok ? answer.json() : {}));
  return tables[language];
}

/** Names of the gateway's own stand for nothing that a reader knows. */
const MACHINE = /^\w+\.\w|\/api\/|\b[a-z]+_[a-z_]+\b|[[\]{}]/;

/** @param {string} name of a bed in the register @returns {string} "Bed 4" */
const inWords = (name) => name[0].toUpperCase() + name.slice(1).replace(/[-_]+/g, " ");

/**
 * @param {number} status @param {string} detail what the gateway wrote
 * @returns {Promise<string>} sentences
 */
export async function refusal(status, detail) {
  const texts = await table(document.documentElement.lang || "en").catch(() => ({}));
  const plain = detail
    .replace(/^[A-Z]+ \/\S+: /, "")
    .replaceAll("mm[Hg]", "mmHg")
    .replace(/\bCel\b/g, "°C")
    .replace(/\bbed ([\w-]*\d[\w-]*)/g, (_, name) => `bed ${inWords(name)}`)
    .trim()
    .replace(/\.$/, "");
  const phrases = new Phrases(texts);
  const found = phrases.whole(plain) ?? (plain && !MACHINE.test(plain) ? plain : "");
  const known = /** @type {Record<string, string | undefined>} */ (texts);
  const fallback = known[`unknown ${status}`] ?? known.unknown ?? "The gateway refused this.";
  const sentence = (found || fallback).replace(/^./, (first) => first.toUpperCase());
  const ended = /[.!?।]$/.test(sentence) ? sentence : `${sentence}${document.documentElement.lang === "hi" ? "।" : "."}`;
  return [ended, known[`next ${status}`]].filter(Boolean).join(" ");
}
