// @ts-check
/** The drawer of alarms: those of now, most urgent first, and the history of a bed. */

import { html, render } from "../vendor/lit-html.js";
import { MARKS, alarmClass, byUrgency } from "./priorities.js";
import { author, call, setAuthor } from "../core/api.js";
import { keyed } from "../core/keys.js";
import { age } from "../i18n/format.js";
import { t } from "../i18n/words.js";

/** @typedef {import("../core/shell.js").Shell} Shell */
/** @typedef {import("../core/state.js").Subject} Subject */
/** @typedef {import("../core/state.js").Alarm} Alarm */

const FILTERS = /** @type {const} */ (["all", "high", "medium", "technical"]);

export class AlarmList {
  /** @param {Shell} shell @param {HTMLElement} root */
  constructor(shell, root) {
    this.shell = shell;
    this.dialog = document.createElement("dialog");
    this.dialog.className = "drawer";
    this.dialog.setAttribute("aria-labelledby", "alarm-list-title");
    root.append(this.dialog);
    this.error = "";
    this.past = false;
    this.bed = "";
    this.filter = /** @type {typeof FILTERS[number]} */ ("all");
    /** How past alarms are read and shown; it comes with their first look.
     * @type {typeof import("./history.js") | null} */
    this.history = null;
    /** @type {import("./history.js").Episode[] | null} */
    this.episodes = null;
  }

  /** @returns {{subject: Subject, alarm: Alarm}[]} */
  entries() {
    return [...this.shell.ward.subjects.values()]
      .flatMap((subject) => subject.alarms.map((alarm) => ({ subject, alarm })))
      .sort((a, b) => byUrgency(a.alarm, b.alarm));
  }

  /** New are those that nobody has acknowledged, over or not; the others go on. */
  button() {
    const entries = this.entries().filter(({ alarm }) => alarm.priority !== "info");
    const fresh = entries.filter(({ alarm }) => alarm.presence !== "ack").length;
    const ongoing = entries.length - fresh;
    const parts = [fresh ? html`<b>${t("alarms_new", { n: fresh })}</b>` : null, ongoing ? html`<span>${t("alarms_ongoing", { n: ongoing })}</span>` : null];
    const shown = parts.filter(Boolean);
    return html`<button type="button" id="alarm-list" aria-keyshortcuts="r" @click=${() => this.open()}>
      <span>${keyed(t("alarms"), "r")} ${shown.length ? shown.map((part, place) => html`${place ? ", " : ""}${part}`) : "0"}</span>
    </button>`;
  }

  open() {
    this.error = "";
    this.past = false;
    if (!this.dialog.open) this.dialog.showModal();
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

  /** @param {boolean} past */
  show(past) {
    this.past = past;
    this.error = "";
    if (past) void this.read();
    this.draw();
  }

  async read() {
    const beds = this.shell.ward.list();
    if (!beds.some((subject) => subject.id === this.bed)) this.bed = beds[0]?.id ?? "";
    this.episodes = null;
    if (!this.bed) return;
    const bed = this.bed;
    try {
      this.history ??= await import("./history.js");
      const found = await this.history.readEpisodes(bed, this.shell.stream.now());
      if (bed === this.bed) this.episodes = found;
    } catch (error) {
      this.error = /** @type {Error} */ (error).message;
    }
    this.draw();
  }

  draw() {
    if (!this.dialog.open) return;
    render(
      html`<header>
          <h2 id="alarm-list-title">${t("alarms")}</h2>
          <button type="button" @click=${() => this.dialog.close()}>${t("close")}</button>
        </header>
        <div class="choice" role="group" aria-label=${t("which_alarms")}>
          <button type="button" aria-pressed=${String(!this.past)} @click=${() => this.show(false)}>${t("now")}</button>
          <button type="button" id="history" aria-pressed=${String(this.past)} @click=${() => this.show(true)}>
            ${t("last_day")}
          </button>
        </div>
        ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : null}
        ${this.past ? this.pastList() : this.presentList()}`,
      this.dialog,
    );
  }

  presentList() {
    const now = this.shell.stream.now();
    const entries = this.entries();
    return html`${entries.length ? null : html`<p class="quiet">${t("no_alarm")}</p>`}
      <ul>
        ${entries.map(
          ({ subject, alarm }) =>
            html`<li data-condition=${alarm.condition}>
              <span class=${alarmClass(alarm)}
                ><b aria-hidden="true">${MARKS[alarm.priority]}</b>${alarm.text}</span
              >
              <a href="/bed/${encodeURIComponent(subject.id)}">${subject.info.bed}</a>
              <small
                >${t(`presence_${alarm.presence}`)} · ${age(now - alarm.since)}${alarm.presence === "ack" && alarm.author
                  ? ` · ${alarm.author}`
                  : ""}</small
              >
              ${alarm.presence === "ack"
                ? null
                : html`<button type="button" data-needs="acknowledge" @click=${() => this.acknowledge(subject, alarm)}>
                    ${t("acknowledge")}
                  </button>`}
            </li>`,
        )}
      </ul>`;
  }

  pastList() {
    const now = this.shell.stream.now();
    const beds = this.shell.ward.list();
    const shown = (this.episodes ?? []).filter((episode) => this.passes(episode));
    return html`<div class="filters">
        <label
          >${t("bed")}
          <select name="bed" @change=${(/** @type {Event} */ event) => this.choose(event)}>
            ${beds.map(
              (subject) => html`<option value=${subject.id} ?selected=${subject.id === this.bed}>${subject.info.bed}</option>`,
            )}
          </select></label
        >
        <label
          >${t("show")}
          <select name="filter" @change=${(/** @type {Event} */ event) => this.choose(event)}>
            ${FILTERS.map((key) => html`<option value=${key}>${t(`show_${key}`)}</option>`)}
          </select></label
        >
      </div>
      ${this.episodes === null
        ? html`<p class="quiet">${this.error ? "" : t("reading_record")}</p>`
        : shown.length
          ? null
          : html`<p class="quiet">${t("none_in_day")}</p>`}
      <ul class="past">
        ${shown.map((episode) => this.history?.episodeRow(episode, now, this.bed))}
      </ul>`;
  }

  /** @param {Event} event */
  choose(event) {
    const { name, value } = /** @type {HTMLSelectElement} */ (event.target);
    if (name === "bed") {
      this.bed = value;
      void this.read();
    } else {
      this.filter = /** @type {typeof FILTERS[number]} */ (value);
    }
    this.draw();
  }

  /** @param {import("./history.js").Episode} episode */
  passes({ priority, kind }) {
    if (this.filter === "technical") return kind === "technical";
    if (this.filter === "high") return priority === "high";
    if (this.filter === "medium") return priority === "high" || priority === "medium";
    return true;
  }
}
