// @ts-check
/** A note about this moment, beside the trends and the strip of the bed. */

import { call } from "../core/api.js";
import { FormDialog } from "../core/form.js";
import { t } from "../i18n/words.js";
import { html } from "../vendor/lit-html.js";

export class BedNote extends FormDialog {
  /** @param {string} id of the subject @param {HTMLElement} root */
  constructor(id, root) {
    super(root, "note", t("note_title"));
    this.verb = t("note_keep");
    this.id = id;
  }

  fields() {
    return html`<label
        >${t("note_what")} <input name="text" required maxlength="200" autocomplete="off"
      /></label>
      <p class="quiet">${t("note_hint")}</p>`;
  }

  /** @param {FormData} data */
  async send(data) {
    const note = { author: data.get("author"), text: data.get("text") };
    await call("POST", `/subjects/${encodeURIComponent(this.id)}/notes`, note);
  }
}
