// @ts-check
/**
 * Alarms, notes and changes of limits beside the trends, as the gateway's timeline has them.
 *
 * @typedef {object} Mark
 * @property {"alarm"|"note"|"act"} kind @property {number} time ms @property {number|null} until ms
 * @property {string} text @property {string|null} author @property {number|null} acknowledged ms
 * @property {"high"|"medium"|"low"|"info"|null} priority @property {string|null} metric
 */

import { call } from "../core/api.js";
import { FormDialog } from "../core/form.js";
import { html } from "../vendor/lit-html.js";
import { nanoseconds } from "./series.js";

/** @param {string} id @param {number} startMs @param {number} endMs @returns {Promise<Mark[]>} */
export async function readMarks(id, startMs, endMs) {
  const query = new URLSearchParams({ start_ns: nanoseconds(startMs), end_ns: nanoseconds(endMs) });
  const lines = await call("GET", `/subjects/${encodeURIComponent(id)}/timeline?${query}`);
  const ms = (/** @type {number|null} */ ns) => (ns === null ? null : ns / 1e6);
  return lines.map((/** @type {any} */ line) => ({
    kind: line.kind,
    time: line.time_ns / 1e6,
    until: ms(line.until_ns),
    text: line.text,
    author: line.author,
    acknowledged: ms(line.acknowledged_ns),
    priority: line.priority,
    metric: line.metric,
  }));
}

/** @param {Mark} mark @returns {boolean} whether it is a line through all plots */
export function isLine(mark) {
  return mark.kind !== "alarm";
}

/** Entry of a note about a moment. */
export class NoteDialog extends FormDialog {
  /**
   * @param {string} id of the subject @param {HTMLElement} root
   * @param {import("../i18n/catalogue.js").Catalogue} words @param {() => void} done
   */
  constructor(id, root, words, done) {
    super(root, "note", words.text("note_title"));
    this.verb = words.text("note_save");
    this.closes = words.text("close");
    this.enteredBy = words.text("entered_by");
    this.id = id;
    this.words = words;
    this.done = done;
    /** What the note is about, ms; null for now. @type {number|null} */
    this.at = null;
    this.when = "";
  }

  /** @param {number|null} at ms @param {string} when as text */
  about(at, when) {
    this.at = at;
    this.when = when;
    this.open();
  }

  fields() {
    const t = (/** @type {string} */ key, values = {}) => this.words.text(key, values);
    return html`<p class="quiet">${this.at === null ? t("note_now") : t("note_about", { time: this.when })}</p>
      <label>${t("note_text")} <input name="text" required maxlength="200" autocomplete="off" /></label>`;
  }

  /** @param {FormData} data */
  async send(data) {
    const time = this.at === null ? {} : { time_ns: Math.round(this.at) * 1e6 };
    await call("POST", `/subjects/${encodeURIComponent(this.id)}/notes`, {
      author: data.get("author"),
      text: data.get("text"),
      ...time,
    });
    this.done();
  }
}
