// Score of a learner's own encounter: the total, its parts, and a line for every point.

import { caseTime as clock } from "../i18n/format.js";
import { html, nothing } from "../vendor/lit-html.js";

const PARTS = ["diagnosis", "disposition", "actions", "communication", "handover", "note"];

/**
 * @param {import("../i18n/catalogue.js").Catalogue} t
 * @param {any} score what `GET /seat/score` answers
 */
export function scoreReport(t, score) {
  const capped = [...score.missed, ...score.grave].map((name) => t.of(name));
  return html`<section class="stack" id="score">
    <p class="lead">${t.text("score_of", { n: Math.round(score.score) })}
      <span class=${`pill ${score.passed ? "ok" : ""}`}>${t.text(score.passed ? "score_pass" : "score_not_yet", { n: score.pass_mark })}</span></p>
    ${capped.length ? html`<p class="note bad">${t.text("score_capped", { names: capped.join(", ") })}</p>` : nothing}
    <dl class="shares">${PARTS.map(
      (part) => html`<div><dt>${t.text(`score_${part}`)}</dt>
        <dd><meter min="0" max=${score.most[part]} value=${score.shares[part]} aria-label=${t.text(`score_${part}`)}></meter>
          ${t.text("score_part", { n: Math.round(score.shares[part]), most: Math.round(score.most[part]) })}</dd></div>`,
    )}</dl>
    <ol class="lines">${score.lines.map((/** @type {any} */ line) => scoreLine(t, line))}</ol>
    <p><small>${t.text("score_notice")}</small></p>
  </section>`;
}

/** @param {import("../i18n/catalogue.js").Catalogue} t @param {any} line */
function scoreLine(t, line) {
  const place = (/** @type {string} */ text) => (line.part === "disposition" && text ? t.text(`go_${text}`) : text);
  return html`<li data-line=${line.name} data-reason=${line.reason}>
    <b>${line.grade ? html`<span class="points">${points(line.points)}</span> ` : nothing}${t.of(line.label)}${line.dose ? ` ${line.dose}` : ""}</b>
    ${line.at_ms === null ? nothing : html`<small>${t.text("score_at", { time: clock(line.at_ms) })}</small>`}
    <p>${t.text(`score_why_${line.reason}`, { wrote: place(line.wrote), right: place(line.right) })}
      ${line.due_ms === null ? nothing : html`${line.shown ? t.text("score_due_shown", { time: clock(line.due_ms), shown: line.shown }) : t.text("score_due", { time: clock(line.due_ms) })}
        ${t.text("score_window", { full: clock(line.full_ms), zero: clock(line.zero_ms) })}`}</p>
    ${t.of(line.comment) ? html`<p>${t.of(line.comment)}</p>` : nothing}
    ${line.source ? html`<small>${line.source}</small>` : nothing}</li>`;
}

/** @param {number} value */
const points = (value) => `${value > 0 ? "+" : ""}${Math.round(value * 10) / 10}`;
