// @ts-check
/**
 * Texts of a page by key, plural forms by Intl.
 *
 * A text is a string with `{name}` places, or `{"one": ..., "other": ...}` chosen by `{n}`.
 * A key that a language lacks is shown in English; the tests refuse unequal keys.
 */

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
    if (!known) return error.message;
    const text = this.text(error.key, error.values);
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
