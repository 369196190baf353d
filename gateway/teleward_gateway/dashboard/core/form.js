// @ts-check
/** A modal form that sends to the API and shows the gateway's answer. */

import { author, setAuthor } from "./api.js";
import { t } from "../i18n/words.js";
import { accountName } from "./me.js";
import { html, nothing, render } from "../vendor/lit-html.js";

export class FormDialog {
  /**
   * @param {HTMLElement} root @param {string} name also the prefix of the ids inside
   * @param {string} title
   */
  constructor(root, name, title) {
    this.name = name;
    this.title = title;
    /** What the button does, in a word or two. */
    this.verb = t("save");
    this.closes = t("close");
    this.enteredBy = t("entered_by");
    /** Who may not do this gets no button: a word of `data-needs`. */
    this.needs = "";
    this.error = "";
    this.busy = false;
    this.dialog = document.createElement("dialog");
    this.dialog.id = `${name}-dialog`;
    this.dialog.className = "form";
    this.dialog.setAttribute("aria-labelledby", `${name}-title`);
    root.append(this.dialog);
  }

  /** Opens with what holds now: nothing that was typed before stands in a field. */
  open() {
    this.error = "";
    this.draw();
    this.dialog.querySelector("form")?.reset();
    this.dialog.showModal();
  }

  /** The fields; a subclass gives them. @returns {unknown} */
  fields() {
    return null;
  }

  /** @param {FormData} data @returns {Promise<void>} */
  async send(data) {
    void data;
  }

  draw() {
    render(
      html`<form method="dialog" @submit=${(/** @type {SubmitEvent} */ event) => this.submit(event)}>
        <header>
          <h2 id="${this.name}-title">${this.title}</h2>
          <button type="button" @click=${() => this.dialog.close()}>${this.closes}</button>
        </header>
        ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : null} ${this.fields()}
        <footer data-needs=${this.needs || nothing}>
          <label
            >${this.enteredBy} <input name="author" required maxlength="80" autocomplete="name" .defaultValue=${author()}
              ?readonly=${accountName() !== ""}
          /></label>
          <button class="primary" ?disabled=${this.busy}>${this.verb}</button>
        </footer>
      </form>`,
      this.dialog,
    );
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
    setAuthor(String(data.get("author")));
    this.busy = true;
    this.draw();
    try {
      await this.send(data);
      this.error = "";
      this.dialog.close();
    } catch (error) {
      this.error = /** @type {Error} */ (error).message;
    }
    this.busy = false;
    this.draw();
  }
}

/** @param {FormData} data @param {string} name @returns {number|null} null when left empty */
export function number(data, name) {
  const text = String(data.get(name) ?? "").trim();
  return text === "" ? null : Number(text);
}
