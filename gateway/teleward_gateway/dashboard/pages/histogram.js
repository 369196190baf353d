// @ts-check
/** Answers of a class to a question as bars; before it is over only their number. */

import { html, nothing, svg } from "../vendor/lit-html.js";

/** @param {any} question @param {import("../i18n/catalogue.js").Catalogue} t */
export function bars(question, t) {
  if (!question.over) return html`<p class="lead">${t.text("answers_n", { n: question.n_answers })}</p>`;
  const most = Math.max(1, ...Object.values(question.counts).map(Number));
  /** @type {[string, string][]} */
  const rows = question.options.length
    ? question.options.map((/** @type {any} */ option, /** @type {number} */ place) => [t.of(option), String(place)])
    : Object.keys(question.counts).map((value) => [`${value} ${question.unit}`, value]);
  return html`<div class="bars" id="bars">
    ${rows.map(([label, value]) => {
      const count = question.counts[value] ?? 0;
      const right = question.answer !== "" && question.answer === value;
      return html`<div><p>${right ? "✓ " : ""}${label}: <b>${count}</b></p>
        <svg viewBox="0 0 100 4" width="100%" height="18" preserveAspectRatio="none" aria-hidden="true">
          ${svg`<rect width="100" height="4" fill="#d5dbe2" /><rect width=${(100 * count) / most} height="4" fill=${right ? "#0c6b39" : "#1759c7"} />`}
        </svg></div>`;
    })}
    ${question.why?.en ? html`<p>${t.of(question.why)}</p>` : nothing}
  </div>`;
}
