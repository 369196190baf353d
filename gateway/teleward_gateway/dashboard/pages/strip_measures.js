// @ts-check
/** What the calipers of a strip measured: PR, QRS, QT, RR, and what follows from them. */

import { html } from "../vendor/lit-html.js";
import { FORMULAS, INTERVALS, USUAL, meanRR } from "../waves/intervals.js";

/** @typedef {import("./strip_sheet.js").Text} Text */

const FORMULA = "teleward.qtc-formula";
/** Beyond these rates Bazett's formula misleads. */
const BAZETT = { low: 60, high: 100 };

export class Measures {
  /** @param {import("../waves/calipers.js").Calipers} calipers @param {() => void} changed */
  constructor(calipers, changed) {
    this.calipers = calipers;
    this.changed = changed;
    this.chosen = "PR";
    /** @type {Map<string, {a: number, b: number}>} */
    this.kept = new Map();
    const formula = localStorage.getItem(FORMULA) ?? "";
    this.formula = formula in FORMULAS ? formula : "Fridericia";
  }

  /** What is measured from now on; calipers go to where it was measured before. @param {string} name */
  choose(name) {
    this.chosen = name;
    const known = this.kept.get(name);
    if (known) this.calipers.place(known.a, known.b);
    this.changed();
  }

  /** Keep where the calipers are. */
  note() {
    this.kept.set(this.chosen, { a: this.calipers.a, b: this.calipers.b });
    this.changed();
  }

  clear() {
    this.kept.clear();
    this.changed();
  }

  /** @param {string} formula */
  correctBy(formula) {
    this.formula = formula;
    localStorage.setItem(FORMULA, formula);
    this.changed();
  }

  /** @param {string} name @returns {number | null} ms */
  length(name) {
    const known = this.kept.get(name);
    return known ? known.b - known.a : null;
  }

  /** @param {import("../waves/record.js").Mark[]} marks */
  results(marks) {
    const measured = this.length("RR");
    const counted = meanRR(marks);
    const rr = measured ?? counted?.ms ?? null;
    const qt = this.length("QT");
    return {
      rr,
      beats: measured === null ? (counted?.beats ?? 0) : 0,
      rate: rr === null ? null : 60000 / rr,
      qtc: rr === null || qt === null ? null : FORMULAS[this.formula](qt, rr),
    };
  }

  /** @param {import("../waves/record.js").Mark[]} marks @param {Text} t */
  table(marks, t) {
    const { rr, rate, qtc, beats } = this.results(marks);
    const misled = this.formula === "Bazett" && rate !== null && (rate < BAZETT.low || rate > BAZETT.high);
    const row = (/** @type {string} */ name, /** @type {number|null} */ value, /** @type {string} */ unit, /** @type {string} */ note) =>
      html`<tr data-interval=${name}><th scope="row">${name}</th><td><output>${value === null ? "–" : Math.round(value)}</output></td>
        <td>${unit}</td><td class="usual">${note}</td></tr>`;
    const usual = (/** @type {string} */ name) => (USUAL[name] ? t("adults", { range: USUAL[name] }) : "");
    return html`<table class="measures">
        <caption>${t("measured")}</caption>
        <tbody>
          ${["PR", "QRS", "QT"].map((name) => row(name, this.length(name), "ms", usual(name)))}
          ${row("RR", rr, "ms", beats ? t("of_beats", { n: beats }) : "")}
          ${row(t("rate"), rate, "/min", "")} ${row("QTc", qtc, "ms", usual("QTc"))}
        </tbody>
      </table>
      <label class="formula">${t("qtc_by")}
        <select name="formula" @change=${(/** @type {Event} */ event) => this.correctBy(/** @type {HTMLSelectElement} */ (event.target).value)}>
          ${Object.keys(FORMULAS).map((name) => html`<option value=${name} ?selected=${name === this.formula}>${name}</option>`)}
        </select></label>
      ${misled ? html`<p class="quiet">${t("bazett")}</p>` : null}`;
  }

  /** @param {Text} t */
  choices(t) {
    const key = /** @type {Record<string, string>} */ ({ PR: "p", QRS: "q", QT: "t", RR: "r" });
    return html`<div class="choice" role="group" aria-label=${t("measure_as")}>
      ${INTERVALS.map((name) => html`<button type="button" data-measure=${name} aria-keyshortcuts=${key[name]}
        aria-pressed=${String(name === this.chosen)} @click=${() => this.choose(name)}>${name}</button>`)}
    </div>`;
  }

  /** Exact places in ms, for those who cannot or do not want to drag. @param {Text} t */
  fields(t) {
    const field = (/** @type {"a"|"b"} */ name) =>
      html`<label>${t(`caliper_${name}`)}
        <input name=${name} type="number" inputmode="decimal" step=${this.calipers.step} min="0" max=${this.calipers.ms}
          .value=${String(Math.round(this.calipers[name]))}
          @change=${(/** @type {Event} */ event) => this.calipers.move(name, Number(/** @type {HTMLInputElement} */ (event.target).value))} /></label>`;
    return html`<div class="places">${field("a")}${field("b")}</div>`;
  }
}
