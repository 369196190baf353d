// @ts-check
/**
 * Texts of the pages by key: one JSON file a language, plural forms by Intl.
 *
 * A text is a string with `{name}` places, or `{"one": ..., "other": ...}` chosen by `{n}`.
 * A key that a language lacks is shown in English; the tests refuse unequal keys.
 */

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

export class Catalogue {
  /** @param {string} language @param {Record<string, any>} texts @param {Record<string, any>} english */
  constructor(language, texts, english) {
    this.language = language;
    this.texts = texts;
    this.english = english;
    this.plural = new Intl.PluralRules(language);
    // Latin digits in every language: numbers of a monitor look the same for all
    this.numbers = new Intl.NumberFormat(`${language}-u-nu-latn`, { maximumFractionDigits: 1 });
  }

  /** @param {string} key @param {Record<string, any>} [values] @returns {string} */
  text(key, values = {}) {
    let found = this.texts[key] ?? this.english[key] ?? key;
    if (typeof found === "object") {
      found = found[this.plural.select(Number(values.n ?? 0))] ?? found.other;
    }
    return found.replace(/\{(\w+)\}/g, (/** @type {string} */ _, /** @type {string} */ name) => {
      const value = values[name];
      return typeof value === "number" ? this.numbers.format(value) : String(value ?? "");
    });
  }

  /** A refusal in this language, as a sentence. @param {any} error @returns {string} */
  refusal(error) {
    const known = error.key !== undefined && (error.key in this.texts || error.key in this.english);
    if (!known && this.language === "en") return error.message;
    const text = known ? this.text(error.key, error.values) : this.text("refused_other", { text: error.message });
    return text[0].toUpperCase() + text.slice(1) + (/[.!?।]$/.test(text) ? "" : ".");
  }

  /** A list of texts by language. @param {Record<string, string[]>|undefined} lists @returns {string[]} */
  list(lists) {
    return lists?.[this.language] ?? lists?.en ?? [];
  }

  /** A text by language, as cases and lessons carry it. @param {Record<string, string>|undefined} texts */
  of(texts) {
    return texts?.[this.language] ?? texts?.en ?? "";
  }
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
