// @ts-check
/** Readings that wait for a person, and those that nobody claims. */

import { call } from "../core/api.js";
import { FormDialog } from "../core/form.js";
import { html, nothing } from "../vendor/lit-html.js";
import { repeat } from "../vendor/directives/repeat.js";

const SHOWN = 50;

/** @type {Record<string, string>} why the time of a reading is not known */
const WHY = {
  "unread clock": "the device's clock cannot be read and shows another time",
  "another setting of its clock": "the device's clock was changed",
  "no date": "the device gave it no date",
};

/**
 * @param {any[]} rows @param {SettleReading} form @param {(row: any) => void} discard
 */
export function readingList(rows, form, discard) {
  if (!rows.length) return nothing;
  return html`<section aria-labelledby="readings-title">
    <header><h2 id="readings-title">Readings to settle (${rows.length})</h2></header>
    <ul class="rows" id="readings">
      ${repeat(rows.slice(0, SHOWN), (row) => row.id, (row) => reading(row, form, discard))}
    </ul>
    ${rows.length > SHOWN ? html`<p class="quiet">and ${rows.length - SHOWN} more</p>` : nothing}
  </section>`;
}

/** @param {any} row @param {SettleReading} form @param {(row: any) => void} discard */
function reading(row, form, discard) {
  const numbers = [
    row.record === null ? "" : `record ${row.record}`,
    row.user === null ? "" : `user ${row.user}`,
  ];
  return html`<li class="row" data-reading=${row.id}>
    <div>
      <h3>${row.text}</h3>
      <small>${[row.device, ...numbers].filter(Boolean).join(" · ")}</small>
    </div>
    <p>
      ${row.state === "waiting"
        ? `May be of ${row.subjects.join(" or ")}`
        : "Nobody wore the device then"}<small>${WHY[row.why] ?? `taken ${local(row.time)}`}</small>
    </p>
    <p>
      ${row.device_clock ? `Its clock: ${row.device_clock.replace("T", " ")}` : "No date"}<small
        >came ${local(row.arrived)}</small
      >
    </p>
    <div class="actions">
      <button type="button" @click=${() => form.openFor(row)}>Settle</button>
      <button type="button" @click=${() => discard(row)}>Discard</button>
    </div>
  </li>`;
}

export class SettleReading extends FormDialog {
  /** @param {HTMLElement} root @param {{subjects: any[]}} known @param {() => void} changed */
  constructor(root, known, changed) {
    super(root, "settle-reading", "Settle a reading");
    this.known = known;
    this.changed = changed;
    /** @type {any} */ this.row = { id: 0, subjects: [] };
  }

  /** @param {any} row */
  openFor(row) {
    this.row = row;
    this.title = `${row.text} from ${row.device}`;
    this.open();
  }

  fields() {
    const row = this.row;
    const possible = new Set(row.subjects);
    const others = this.known.subjects.filter((s) => !possible.has(s.id));
    const unknown = row.state === "waiting" && row.why in WHY;
    return html`<div class="grid">
      <label
        >Taken
        <select name="when">
          <option value="now" ?selected=${unknown}>When it came, ${local(row.arrived)}</option>
          ${row.device_clock_ns && row.device_clock_ns <= row.arrived_ns
            ? html`<option value="calendar">As its clock shows, ${local(row.device_clock + "Z", "UTC")}</option>`
            : nothing}
          <option value="best" ?selected=${!unknown}>${local(row.time)}</option>
        </select></label
      >
      <label
        >Of
        <select name="subject" required>
          ${row.subjects.length === 1 ? nothing : html`<option value="">Choose …</option>`}
          ${[...possible, ...others.map((s) => s.id)].map((id) => html`<option value=${id}>${id}</option>`)}
        </select></label
      >
      <p class="quiet">The time also shows how wrong the device's clock is.</p>
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
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short", timeZone });
}
