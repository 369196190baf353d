// @ts-check
/** Entry of what a person observes for NEWS2: consciousness, oxygen, scale, a measured pressure. */

import { call } from "../core/api.js";
import { FormDialog, number } from "../core/form.js";
import { pewsText } from "./numerics.js";
import { inputName } from "../core/state.js";
import { t, translated } from "../i18n/words.js";
import { html } from "../vendor/lit-html.js";

const CONSCIOUSNESS = [0, 1, 2, 3, 4];
const NUMBERS = [
  ["nibp_systolic", 20, 320, 1],
  ["nibp_diastolic", 10, 250, 1],
  ["body_temperature", 20, 46, 0.1],
  ["respiratory_rate", 0, 150, 1],
];

export class News2Dialog extends FormDialog {
  /** @param {import("../core/shell.js").Shell} shell @param {string} id @param {HTMLElement} root */
  constructor(shell, id, root) {
    super(root, "news2", t("news2_title"));
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
          ${score?.not_applied ? t("news2_not", { why: translated(score.not_applied), child }) : lacking.length
            ? t("news2_lacks", { names: lacking.map(inputName).join(", ") })
            : t("news2_complete")}
          ${t("news2_empty")}
        </p>
        <label
          >${t("consciousness")}
          <select name="consciousness">
            <option value="">${t("not_observed")}</option>
            ${CONSCIOUSNESS.map((value) => html`<option value=${value}>${t(`acvpu_${value}`)}</option>`)}
          </select></label
        >
        <label
          >${t("oxygen")}
          <input type="number" name="supplemental_oxygen" min="0" max="60" step="0.5" inputmode="decimal"
        /></label>
        <label
          >${t("spo2_scale")}
          <select name="spo2_scale">
            <option value="">${t("unchanged")}</option>
            <option value="1">${t("scale_1")}</option>
            <option value="2">${t("scale_2")}</option>
          </select></label
        >
        ${NUMBERS.map(
          ([name, low, high, step]) =>
            html`<label
              >${t(`enter_${name}`)} <input type="number" name=${name} min=${low} max=${high} step=${step} inputmode="decimal"
            /></label>`,
        )}
      </div>
      <p class="quiet">${t("news2_source")}</p>`;
  }

  /** @param {FormData} data */
  async send(data) {
    const names = ["consciousness", "supplemental_oxygen", "spo2_scale", ...NUMBERS.map(([name]) => String(name))];
    const readings = names
      .map((metric) => ({ metric, value: number(data, metric) }))
      .filter((reading) => reading.value !== null);
    if (!readings.length) throw new Error(t("nothing_entered"));
    await call("POST", `/subjects/${encodeURIComponent(this.id)}/observations`, {
      author: data.get("author"),
      readings,
    });
  }
}
