// @ts-check
/** Choice of the ECG display filter of this browser: a dialog, and what was chosen last. */

import { html, render } from "../vendor/lit-html.js";
import { rememberFilter, rememberedFilter } from "../waves/chosen_filter.js";

/** @typedef {import("../waves/ecg_filter.js").FilterChoice} FilterChoice */

const BANDS = [
  ["off", "Unfiltered"],
  ["monitor", "Monitor 0.5–40 Hz"],
  ["diagnostic", "Diagnostic 0.05–150 Hz"],
];
const NOTCHES = [
  ["0", "Off"],
  ["50", "50 Hz"],
  ["60", "60 Hz"],
];

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
          <h2 id="filter-title">ECG filter</h2>
          <button type="button" @click=${() => this.dialog.close()}>Close</button>
        </header>
        <div class="grid">
          <label
            >Band
            <select name="band" @change=${(/** @type {Event} */ e) => this.choose({ band: /** @type {any} */ (value(e)) })}>
              ${BANDS.map(([name, text]) => html`<option value=${name} ?selected=${name === band}>${text}</option>`)}
            </select></label
          >
          <label
            >Mains notch
            <select name="notch" @change=${(/** @type {Event} */ e) => this.choose({ notchHz: Number(value(e)) })}>
              ${NOTCHES.map(([hz, text]) => html`<option value=${hz} ?selected=${Number(hz) === notchHz}>${text}</option>`)}
            </select></label
          >
          <p class="quiet">
            Monitor gives a steady baseline for rhythm; do not read ST segments in it. Diagnostic keeps the ST level. Only
            the traces of this page are filtered: heart rate, alarms and the record use the ECG as it was sent.
          </p>
        </div>`,
      this.dialog,
    );
  }
}
