// @ts-check
/** Choice of the ECG display filter of this browser: a dialog, and what was chosen last. */

import { t } from "../i18n/words.js";
import { html, render } from "../vendor/lit-html.js";
import { rememberFilter, rememberedFilter } from "../waves/chosen_filter.js";

/** @typedef {import("../waves/ecg_filter.js").FilterChoice} FilterChoice */

const BANDS = ["off", "monitor", "diagnostic"];
const NOTCHES = [0, 50, 60];

export class EcgFilterDialog {
  /** @param {HTMLElement} root @param {(choice: FilterChoice) => void} apply called at every change */
  constructor(root, apply) {
    this.apply = apply;
    this.choice = rememberedFilter();
    this.dialog = document.createElement("dialog");
    this.dialog.id = "filter-dialog";
    this.dialog.className = "form";
    this.dialog.setAttribute("aria-labelledby", "filter-title");
    root.append(this.dialog);
  }

  open() {
    this.draw();
    this.dialog.showModal();
  }

  /** @param {Partial<FilterChoice>} change */
  choose(change) {
    this.choice = { ...this.choice, ...change };
    rememberFilter(this.choice);
    this.apply(this.choice);
    this.draw();
  }

  draw() {
    const { band, notchHz } = this.choice;
    const value = (/** @type {Event} */ event) => /** @type {HTMLSelectElement} */ (event.target).value;
    render(
      html`<header>
          <h2 id="filter-title">${t("ecg_filter")}</h2>
          <button type="button" @click=${() => this.dialog.close()}>${t("close")}</button>
        </header>
        <div class="grid">
          <label
            >${t("filter_band")}
            <select name="band" @change=${(/** @type {Event} */ e) => this.choose({ band: /** @type {any} */ (value(e)) })}>
              ${BANDS.map((name) => html`<option value=${name} ?selected=${name === band}>${t(`filter_${name}`)}</option>`)}
            </select></label
          >
          <label
            >${t("notch")}
            <select name="notch" @change=${(/** @type {Event} */ e) => this.choose({ notchHz: Number(value(e)) })}>
              ${NOTCHES.map((hz) => html`<option value=${hz} ?selected=${hz === notchHz}>${hz ? `${hz} Hz` : t("notch_off")}</option>`)}
            </select></label
          >
          <p class="quiet">
            ${t("filter_hint")}
          </p>
        </div>`,
      this.dialog,
    );
  }
}
