// @ts-check
/** Entry of what a person observes for NEWS2: consciousness, oxygen, scale, a measured pressure. */

import { call } from "../core/api.js";
import { FormDialog, number } from "../core/form.js";
import { pewsText } from "./numerics.js";
import { html } from "../vendor/lit-html.js";

const CONSCIOUSNESS = [
  [0, "A – alert"],
  [1, "C – new confusion"],
  [2, "V – responds to voice"],
  [3, "P – responds to pain"],
  [4, "U – unresponsive"],
];
const NUMBERS = [
  ["nibp_systolic", "Systolic, mmHg", 20, 320, 1],
  ["nibp_diastolic", "Diastolic, mmHg", 10, 250, 1],
  ["body_temperature", "Temperature, °C", 20, 46, 0.1],
  ["respiratory_rate", "Respiratory rate, /min", 0, 150, 1],
];

export class News2Dialog extends FormDialog {
  /** @param {import("../core/shell.js").Shell} shell @param {string} id @param {HTMLElement} root */
  constructor(shell, id, root) {
    super(root, "news2", "NEWS2 observation");
    this.needs = "observe";
    this.shell = shell;
    this.id = id;
  }

  fields() {
    const score = this.shell.ward.subjects.get(this.id)?.news2;
    const child = score?.pews ? pewsText(score.pews, this.shell.ward.metrics) : "";
    const lacking = [...(score?.missing ?? []), ...(score?.stale ?? [])];
    return html`<div class="grid">
        <p class="quiet">
          ${score?.not_applied ? `${score.not_applied}: no score is made. ${child}` : lacking.length
            ? `The score lacks: ${lacking.map((name) => name.replaceAll("_", " ")).join(", ")}.`
            : "The score has all its inputs."}
          Empty fields are not recorded.
        </p>
        <label
          >Consciousness
          <select name="consciousness">
            <option value="">not observed</option>
            ${CONSCIOUSNESS.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
          </select></label
        >
        <label
          >Supplemental oxygen, L/min (0 = air)
          <input type="number" name="supplemental_oxygen" min="0" max="60" step="0.5" inputmode="decimal"
        /></label>
        <label
          >SpO₂ scale
          <select name="spo2_scale">
            <option value="">unchanged</option>
            <option value="1">1 (target 96 % or more)</option>
            <option value="2">2 (target 88–92 %, prescribed)</option>
          </select></label
        >
        ${NUMBERS.map(
          ([name, title, low, high, step]) =>
            html`<label
              >${title} <input type="number" name=${name} min=${low} max=${high} step=${step} inputmode="decimal"
            /></label>`,
        )}
      </div>
      <p class="quiet">Training view, scores follow NEWS2 (Royal College of Physicians). For persons of 16 years and older who are not pregnant.</p>`;
  }

  /** @param {FormData} data */
  async send(data) {
    const names = ["consciousness", "supplemental_oxygen", "spo2_scale", ...NUMBERS.map(([name]) => String(name))];
    const readings = names
      .map((metric) => ({ metric, value: number(data, metric) }))
      .filter((reading) => reading.value !== null);
    if (!readings.length) throw new Error("Nothing was entered: fill in what you observed.");
    await call("POST", `/subjects/${encodeURIComponent(this.id)}/observations`, {
      author: data.get("author"),
      readings,
    });
  }
}
