// @ts-check
/** The form for a note on a strip: about what lies between the calipers. */

import { author, call, setAuthor } from "../core/api.js";
import { clockTime } from "../i18n/format.js";
import { html, render } from "../vendor/lit-html.js";

/** @typedef {import("./strip_sheet.js").Text} Text */

export class NoteDialog {
  /**
   * @param {string} subject @param {HTMLElement} root @param {Text} t
   * @param {() => Promise<void>} written called after a note is on record
   */
  constructor(subject, root, t, written) {
    this.subject = subject;
    this.t = t;
    this.written = written;
    this.from = 0;
    this.until = 0;
    this.error = "";
    this.dialog = document.createElement("dialog");
    this.dialog.id = "note-dialog";
    this.dialog.className = "form";
    this.dialog.setAttribute("aria-labelledby", "note-title");
    root.append(this.dialog);
  }

  /** @param {number} from Unix ms @param {number} until Unix ms */
  open(from, until) {
    Object.assign(this, { from: Math.round(from), until: Math.round(until), error: "" });
    this.draw();
    this.dialog.showModal();
  }

  /** @param {SubmitEvent} event */
  async send(event) {
    event.preventDefault();
    const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const name = String(given.get("author")).trim();
    setAuthor(name);
    const body = { author: name, text: String(given.get("text")).trim() };
    const path = `/subjects/${encodeURIComponent(this.subject)}/notes`;
    try {
      await call("POST", path, { ...body, time_ns: this.from * 1e6, until_ns: this.until * 1e6 });
      this.dialog.close();
      await this.written();
    } catch (error) {
      this.error = /** @type {Error} */ (error).message;
      this.draw();
    }
  }

  draw() {
    const { t } = this;
    render(
      html`<header>
          <h2 id="note-title">${t("note_title")}</h2>
          <button type="button" @click=${() => this.dialog.close()}>${t("close")}</button>
        </header>
        <p class="quiet">${t("note_span", { from: clockTime(this.from), seconds: (this.until - this.from) / 1000 })}</p>
        ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : null}
        <form @submit=${(/** @type {SubmitEvent} */ event) => this.send(event)}>
          <label>${t("note_text")} <input name="text" required maxlength="200" autocomplete="off" /></label>
          <label>${t("author")} <input name="author" required maxlength="80" .value=${author()} /></label>
          <footer><span></span><button class="primary">${t("note_write")}</button></footer>
        </form>`,
      this.dialog,
    );
  }
}
