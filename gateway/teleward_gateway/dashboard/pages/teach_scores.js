// Scores of a class as its teacher sees them: one row a learner, the parts, and what caps a score.

import { html } from "../vendor/lit-html.js";

const PARTS = ["diagnosis", "disposition", "actions", "communication", "handover", "note"];

/**
 * @param {import("../i18n/catalogue.js").Catalogue} t
 * @param {any[]} scores what `GET /class/scores` answers
 */
export function scoreTable(t, scores) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t.text("score")}><table class="board" id="scores"><caption>${t.text("score")}</caption>
    <thead><tr><th>${t.text("score_learner")}</th><th>${t.text("score")}</th>${PARTS.map((part) => html`<th>${t.text(`score_${part}`)}</th>`)}
      <th>${t.text("score_left_out")}</th></tr></thead>
    <tbody>${scores.map(
      (row) => html`<tr data-seat=${row.seat}><td>${row.name}</td><td><b>${Math.round(row.score)}</b></td>
        ${PARTS.map((part) => html`<td>${Math.round(row.shares[part])}</td>`)}
        <td>${[...row.missed, ...row.grave].map((/** @type {any} */ name) => t.of(name)).join(", ") || "–"}</td></tr>`,
    )}</tbody></table></div>`;
}
