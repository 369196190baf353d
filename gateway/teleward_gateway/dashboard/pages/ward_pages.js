// @ts-check
/** A ward of more beds than a screen holds: in pages, by place or by urgency; phones scroll. */

import { tilePriority } from "../alarms/priorities.js";
import { t } from "../i18n/words.js";
import { html, nothing } from "../vendor/lit-html.js";

/** @typedef {import("../core/state.js").Subject} Subject */

/** What a screen shows legibly: four rows of four. */
const BEDS = 16;
const ORDER = "teleward.order";
const URGENCY = /** @type {Record<string, number>} */ ({ high: 0, medium: 1, low: 2, tech: 3, none: 4 });
const phone = matchMedia("(max-width: 700px)");

export class WardPages {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.urgent = localStorage.getItem(ORDER) === "urgency";
    this.page = 0;
    this.pages = 1;
    /** Beds in alarm that this page does not show. */
    this.elsewhere = 0;
    phone.addEventListener("change", changed);
  }

  /** @param {Subject[]} subjects by place @returns {Subject[]} those of this page */
  choose(subjects) {
    const ordered = this.urgent ? [...subjects].sort((a, b) => urgency(a) - urgency(b)) : subjects;
    this.pages = phone.matches ? 1 : Math.max(1, Math.ceil(subjects.length / BEDS));
    this.page = Math.min(this.page, this.pages - 1);
    if (this.pages === 1) {
      this.elsewhere = 0;
      return ordered;
    }
    const first = this.page * BEDS;
    const shown = ordered.slice(first, first + BEDS);
    this.elsewhere = ordered.filter((subject) => urgency(subject) < URGENCY.tech && !shown.includes(subject)).length;
    return shown;
  }

  /** @param {number} step */
  turn(step) {
    this.page = (this.page + step + this.pages) % this.pages;
    this.changed();
  }

  reorder() {
    this.urgent = !this.urgent;
    this.page = 0;
    localStorage.setItem(ORDER, this.urgent ? "urgency" : "place");
    this.changed();
  }

  /** @param {number} beds of the whole ward */
  controls(beds) {
    if (beds <= BEDS) return nothing;
    const order = html`<button type="button" id="order" aria-label="${t("order")}: ${t(this.urgent ? "by_urgency" : "by_place")}" @click=${() => this.reorder()}>
      ${t(this.urgent ? "by_urgency" : "by_place")}
    </button>`;
    if (this.pages === 1) return order;
    return html`${order}<span class="pages" role="group" aria-label=${t("beds")}>
        <button type="button" id="earlier" aria-label=${t("earlier_page")} @click=${() => this.turn(-1)}>‹</button>
        <span id="page">${t("page", { n: this.page + 1, of: this.pages })}</span>
        <button type="button" id="later" aria-label=${t("later_page")} @click=${() => this.turn(1)}>›</button></span
      >${this.elsewhere ? html`<span id="elsewhere" class="al medium ack">${t("elsewhere", { n: this.elsewhere })}</span>` : nothing}`;
  }
}

/** @param {Subject} subject */
const urgency = ({ alarms }) => URGENCY[tilePriority(alarms)];
