// @ts-check
/** Readings that wait for a person, and those that nobody claims. */

import { call } from "../core/api.js";
import { FormDialog } from "../core/form.js";
import { t } from "../i18n/devices_words.js";
import { language } from "../i18n/words.js";
import { html, nothing } from "../vendor/lit-html.js";
import { repeat } from "../vendor/directives/repeat.js";

const SHOWN = 50;

/** @type {Record<string, string>} why the time of a reading is not known */
const WHY = {
  "unread clock": "why_unread",
  "another setting of its clock": "why_setting",
  "no date": "why_no_date",
};

/**
 * @param {any[]} rows @param {SettleReading} form @param {(row: any) => void} discard
 */
export function readingList(rows, form, discard) {
  if (!rows.length) return nothing;
  return html`<section aria-labelledby="readings-title">
    <header><h2 id="readings-title">${t("readings", { n: rows.length })}</h2></header>
    <ul class="rows" id="readings">
      ${repeat(rows.slice(0, SHOWN), (row) => row.id, (row) => reading(row, form, discard))}
    </ul>
    ${rows.length > SHOWN ? html`<p class="quiet">${t("and_more", { n: rows.length - SHOWN })}</p>` : nothing}
  </section>`;
}

/** @param {any} row @param {SettleReading} form @param {(row: any) => void} discard */
function reading(row, form, discard) {
  const numbers = [
    row.record === null ? "" : t("record", { n: row.record }),
    row.user === null ? "" : t("user", { n: row.user }),
  ];
  return html`<li class="row" data-reading=${row.id}>
    <div>
      <h3>${row.text}</h3>
      <small>${[row.device, ...numbers].filter(Boolean).join(" · ")}</small>
    </div>
    <p>
      ${row.state === "waiting"
        ? t("may_be_of", { names: row.subjects.join(t("or")) })
        : t("nobody_wore")}<small>${WHY[row.why] ? t(WHY[row.why]) : t("taken_at", { time: local(row.time) })}</small>
    </p>
    <p>
      ${row.device_clock ? t("its_clock", { time: row.device_clock.replace("T", " ") }) : t("no_date")}<small
        >${t("came", { time: local(row.arrived) })}</small
      >
    </p>
    <div class="actions">
      <button type="button" @click=${() => form.openFor(row)}>${t("settle")}</button>
      <button type="button" @click=${() => discard(row)}>${t("discard")}</button>
    </div>
  </li>`;
}

export class SettleReading extends FormDialog {
  /** @param {HTMLElement} root @param {{subjects: any[]}} known @param {() => void} changed */
  constructor(root, known, changed) {
    super(root, "settle-reading", t("settle_reading"));
    this.known = known;
    this.changed = changed;
    /** @type {any} */ this.row = { id: 0, subjects: [] };
  }

  /** @param {any} row */
  openFor(row) {
    this.row = row;
    this.title = t("reading_from", { text: row.text, device: row.device });
    this.open();
  }

  fields() {
    const row = this.row;
    const possible = new Set(row.subjects);
    const others = this.known.subjects.filter((s) => !possible.has(s.id));
    const unknown = row.state === "waiting" && row.why in WHY;
    return html`<div class="grid">
      <label
        >${t("taken")}
        <select name="when">
          <option value="now" ?selected=${unknown}>${t("when_came", { time: local(row.arrived) })}</option>
          ${row.device_clock_ns && row.device_clock_ns <= row.arrived_ns
            ? html`<option value="calendar">${t("as_clock", { time: local(row.device_clock + "Z", "UTC") })}</option>`
            : nothing}
          <option value="best" ?selected=${!unknown}>${local(row.time)}</option>
        </select></label
      >
      <label
        >${t("of")}
        <select name="subject" required>
          ${row.subjects.length === 1 ? nothing : html`<option value="">${t("choose")}</option>`}
          ${[...possible, ...others.map((s) => s.id)].map((id) => html`<option value=${id}>${id}</option>`)}
        </select></label
      >
      <p class="quiet">${t("clock_wrong_text")}</p>
    </div>`;
  }

  /** @param {FormData} data */
  async send(data) {
    const when = String(data.get("when"));
    const times = /** @type {Record<string, number>} */ ({
      now: this.row.arrived_ns,
      calendar: this.row.device_clock_ns,
      best: this.row.time_ns,
    });
    const body = {
      time_ns: times[when],
      subject: String(data.get("subject")),
      author: String(data.get("author")),
    };
    await call("POST", `/readings/${this.row.id}/settle`, body);
    this.changed();
  }
}

/** @param {string} iso @param {string} [timeZone] */
function local(iso, timeZone) {
  return new Date(iso).toLocaleString(language === "en" ? undefined : `${language}-u-nu-latn`, { dateStyle: "medium", timeStyle: "short", timeZone });
}
