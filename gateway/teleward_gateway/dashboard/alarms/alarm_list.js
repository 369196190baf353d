// @ts-check
/** The list of all alarms of a page, most urgent first, with acknowledgement. */

import { html, render } from "../vendor/lit-html.js";
import { MARKS, alarmClass, byUrgency } from "./priorities.js";
import { author, call, setAuthor } from "../core/api.js";
import { age } from "../i18n/format.js";

/** @typedef {import("../core/shell.js").Shell} Shell */
/** @typedef {import("../core/state.js").Subject} Subject */
/** @typedef {import("../core/state.js").Alarm} Alarm */

const PRESENCE = { on: "active", latched: "over, not acknowledged", ack: "acknowledged" };

export class AlarmList {
  /** @param {Shell} shell @param {HTMLElement} root */
  constructor(shell, root) {
    this.shell = shell;
    this.dialog = document.createElement("dialog");
    this.dialog.className = "drawer";
    this.dialog.setAttribute("aria-labelledby", "alarm-list-title");
    root.append(this.dialog);
    this.error = "";
  }

  /** @returns {{subject: Subject, alarm: Alarm}[]} */
  entries() {
    return [...this.shell.ward.subjects.values()]
      .flatMap((subject) => subject.alarms.map((alarm) => ({ subject, alarm })))
      .sort((a, b) => byUrgency(a.alarm, b.alarm));
  }

  button() {
    const active = this.entries().filter(({ alarm }) => alarm.presence === "on" && alarm.priority !== "info");
    return html`<button type="button" id="alarm-list" @click=${() => this.open()}>
      Alarms <b>${active.length}</b>
    </button>`;
  }

  open() {
    this.error = "";
    this.dialog.showModal();
    this.draw();
  }

  /** @param {Subject} subject @param {Alarm} alarm */
  async acknowledge(subject, alarm) {
    const name = author() || "bedside";
    setAuthor(name);
    try {
      await call("POST", "/alarms/acknowledge", {
        subject: subject.id,
        condition: alarm.condition,
        author: name,
        since_ns: alarm.since * 1e6,
      });
      this.error = "";
    } catch (error) {
      this.error = /** @type {Error} */ (error).message;
    }
    this.draw();
  }

  draw() {
    if (!this.dialog.open) return;
    const now = this.shell.stream.now();
    const entries = this.entries();
    render(
      html`<header>
          <h2 id="alarm-list-title">Alarms</h2>
          <button type="button" @click=${() => this.dialog.close()}>Close</button>
        </header>
        ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : null}
        ${entries.length ? null : html`<p class="quiet">No alarm.</p>`}
        <ul>
          ${entries.map(
            ({ subject, alarm }) =>
              html`<li data-condition=${alarm.condition}>
                <span class=${alarmClass(alarm)}
                  ><b aria-hidden="true">${MARKS[alarm.priority]}</b>${alarm.text}</span
                >
                <a href="/bed/${encodeURIComponent(subject.id)}">${subject.info.bed}</a>
                <small>${PRESENCE[alarm.presence]} · ${age(now - alarm.since)}</small>
                ${alarm.presence === "ack"
                  ? null
                  : html`<button type="button" @click=${() => this.acknowledge(subject, alarm)}>
                      Acknowledge
                    </button>`}
              </li>`,
          )}
        </ul>`,
      this.dialog,
    );
  }
}
