// @ts-check
/**
 * Texts that the gateway writes in English, such as those of alarms, in another language.
 *
 * A phrase is a whole text or one with `{name}` places; a text of several parts, divided by commas
 * or semicolons, is taken part by part. What is not known stays as it was written.
 */

/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** @param {string} text */
const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

export class Phrases {
  /** @param {Record<string, string>} table texts by their English phrases, the special ones first */
  constructor(table) {
    this.table = table;
    this.patterns = Object.keys(table)
      .filter((phrase) => phrase.includes("{"))
      .map((phrase) => ({
        phrase,
        pattern: new RegExp(`^${escaped(phrase).replace(/\\\{(\w+)\\\}/g, "(?<$1>.+?)")}$`, "i"),
      }));
  }

  /** @param {string} text @returns {string} */
  of(text) {
    return this.whole(text) ?? this.parts(text);
  }

  /** @param {string} text @returns {string | undefined} */
  whole(text) {
    const exact = this.table[text] ?? this.table[capital(text)];
    if (exact !== undefined) return exact;
    for (const { phrase, pattern } of this.patterns) {
      const places = pattern.exec(text)?.groups;
      if (places) {
        return this.table[phrase].replace(/\{(\w+)\}/g, (_, /** @type {string} */ name) => this.of(places[name] ?? ""));
      }
    }
    return undefined;
  }

  /** @param {string} text */
  parts(text) {
    for (const mark of [", ", "; "]) {
      if (text.includes(mark)) return text.split(mark).map((part) => this.of(part)).join(mark);
    }
    return text;
  }
}
