// @ts-check
/** The commissioning page: subjects, devices, what is in reach, and pairing. */

import { author, call, setAuthor } from "../core/api.js";
import { Admit, Ask, BindDevice, MoveSubject, SwapDevice } from "./devices_forms.js";
import { AddDevice, look } from "./devices_pair.js";
import { lookUp } from "../core/me.js";
import { watchSettings } from "../core/settings_mistakes.js";
import { whoIsHere } from "../core/who.js";
import { portList, reachList } from "./devices_reach.js";
import { readingList, SettleReading } from "./devices_readings.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { startLanguage } from "../core/language.js";
import { known, t } from "../i18n/devices_words.js";
import { ago, bedName, linkText, moment } from "../i18n/format.js";
import { t as shared, translated } from "../i18n/words.js";
import { repeat } from "../vendor/directives/repeat.js";

const REFRESH_MS = 2000;
const PORTS_EVERY = 5;
/** The strongest devices that are nobody's show their values in the list; links are few. */
const LOOKED_AT = 2;
const NEAR_ENOUGH_DBM = -80;

const MARKS = /** @type {Record<string, string>} */ ({ streaming: "●", refused: "✕", stalled: "○" });

class Page {
  constructor() {
    this.gateway = { ward: "", provenance: "" };
    /** @type {any[]} */ this.devices = [];
    /** @type {any[]} */ this.subjects = [];
    /** @type {any[]} */ this.drivers = [];
    /** @type {any[]} */ this.found = [];
    /** @type {any[]} */ this.ports = [];
    /** @type {any[]} */ this.pairings = [];
    /** @type {any[]} */ this.readings = [];
    /** @type {Record<string, any>} by port */ this.detected = {};
    /** @type {Record<string, any>} by address */ this.previews = {};
    this.radioProblem = "";
    this.problem = "";
    this.done = "";
    this.turns = 0;
    this.drawn = false;
    const dialogs = element("dialogs");
    const changed = () => this.refresh();
    this.forms = {
      add: new AddDevice(dialogs, this, (done) => {
        this.done = done;
        void this.refresh();
      }),
      admit: new Admit(dialogs, this, changed),
      bind: new BindDevice(dialogs, this, changed),
      move: new MoveSubject(dialogs, this, changed),
      swap: new SwapDevice(dialogs, this, changed),
      ask: new Ask(dialogs, this, changed),
      settle: new SettleReading(dialogs, this, changed),
    };
  }

  async start() {
    await this.refresh();
    setInterval(() => {
      if (!document.hidden) this.refresh();
    }, REFRESH_MS);
  }

  async refresh() {
    try {
      if (!this.drivers.length) {
        [this.gateway, this.drivers] = await Promise.all([call("GET", "/gateway"), call("GET", "/drivers")]);
      }
      [this.devices, this.subjects, this.pairings] = await Promise.all([
        call("GET", "/devices"),
        call("GET", "/subjects"),
        call("GET", "/commissioning/pairings"),
      ]);
      this.readings = await call("GET", "/readings");
      this.problem = "";
    } catch (error) {
      this.problem = /** @type {Error} */ (error).message;
    }
    await this.look();
    this.draw();
  }

  /** What is in reach; a machine without a radio still has ports. */
  async look() {
    try {
      this.found = await call("GET", "/commissioning/scan");
      this.radioProblem = "";
    } catch (error) {
      this.found = [];
      this.radioProblem = /** @type {Error} */ (error).message;
    }
    await this.preview();
    if (this.turns++ % PORTS_EVERY === 0) {
      this.ports = await call("GET", "/commissioning/ports").catch(() => this.ports);
    }
  }

  /** What the nearest devices that are nobody's show now. */
  async preview() {
    const near = this.found
      .filter((row) => !row.device && row.drivers.length && row.rssi_dbm >= NEAR_ENOUGH_DBM)
      .slice(0, LOOKED_AT);
    const shown = await Promise.all(near.map((row) => look(row.address, row.drivers[0]).catch(() => null)));
    this.previews = Object.fromEntries(near.map((row, place) => [row.address, shown[place]]));
  }

  draw() {
    if (!this.drawn) for (const id of ["bar", "page"]) element(id).replaceChildren();
    this.drawn = true;
    render(this.bar(), element("bar"));
    render(
      html`${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
      ${this.done ? html`<p class="done" role="status">${this.done}</p>` : nothing}
      ${this.pairings.map((row) => this.pairing(row))}
      ${readingList(this.readings, this.forms.settle, (row) => this.discard(row))}
      ${this.subjectList()} ${this.deviceList()}
      ${reachList(this.found, this.radioProblem, this.forms.add, this.previews, (_, feeds) => this.placeOf(feeds))}
      ${portList(this.ports, this.detected, this.forms.add, (path) => this.listen(path))}`,
      element("page"),
    );
  }

  bar() {
    return html`<a class="button" href="/ward">${t("ward")}</a>
      <h1>${t("devices")}</h1>
      <span class="space"></span>
      ${this.gateway.provenance === "simulated"
        ? html`<span class="pill simulation"
            ><b>${shared("simulation")}</b><span class="wide">${shared("simulation_more")}</span></span
          >`
        : nothing}
      <a class="button" data-needs="gateway" href="/gateway">${shared("gateway")}</a>
      ${whoIsHere()}`;
  }

  /** @param {any} row */
  pairing(row) {
    if (row.digits) {
      return html`<div class="pairing" role="alert">
        <p>${t("type_digits", { digits: String(row.digits), device: row.device })}</p>
      </div>`;
    }
    return html`<div class="pairing" role="alert">
      <form @submit=${(/** @type {SubmitEvent} */ event) => this.sendPasskey(event, row.address)}>
        <p>${t("shows_digits", { device: row.device })}</p>
        <label
          >${t("passkey")} <input name="passkey" inputmode="numeric" pattern="[0-9]{6}" maxlength="6" required
        /></label>
        <label>${t("entered_by")} <input name="author" required maxlength="80" .defaultValue=${author()} /></label>
        <button class="primary">${t("pair")}</button>
      </form>
    </div>`;
  }

  /** @param {SubmitEvent} event @param {string} address */
  async sendPasskey(event, address) {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
    setAuthor(String(data.get("author")));
    const body = { passkey: Number(data.get("passkey")), author: author() };
    try {
      await call("POST", `/commissioning/pairings/${address}`, body);
    } catch (error) {
      this.problem = /** @type {Error} */ (error).message;
    }
    await this.refresh();
  }

  subjectList() {
    return html`<section aria-labelledby="subjects-title">
      <header>
        <h2 id="subjects-title">${t("subjects")}</h2>
        <button type="button" id="admit" @click=${() => this.forms.admit.openFor()}>${t("admit")}</button>
      </header>
      <ul class="rows" id="subjects">
        ${repeat(this.subjects, (row) => row.id, (row) => this.subject(row))}
      </ul>
      ${this.subjects.length ? nothing : html`<p class="empty">${t("nobody_admitted")}</p>`}
    </section>`;
  }

  /** @param {any} row */
  subject(row) {
    const name = row.label || row.id;
    return html`<li class="row" data-subject=${row.id}>
      <div>
        <h3>${name}</h3>
        <small>${row.attributes?.detail ?? ""}</small>
      </div>
      <p>${bedName(row.bed)}<small>${t("since", { time: when(row.admitted) })}</small></p>
      <p>${row.devices.length ? this.deviceNames(row) : html`<span class="quiet">${t("no_device")}</span>`}</p>
      <div class="actions">
        <a class="button" href="/bed/${encodeURIComponent(row.id)}">${t("monitor")}</a>
        <button type="button" @click=${() => this.forms.move.openFor(row)}>${t("change_bed")}</button>
        <button type="button" @click=${() => this.discharge(row)}>${t("discharge")}</button>
      </div>
    </li>`;
  }

  /** What people call the devices of a subject. @param {any} row */
  deviceNames(row) {
    return row.devices
      .map((/** @type {string} */ id) => this.devices.find((device) => device.id === id)?.label || bedName(id))
      .join(", ");
  }

  /** @param {any} row */
  discharge(row) {
    const worn = row.devices.length ? t("worn_feeds_nobody", { devices: this.deviceNames(row) }) : "";
    const name = row.bed ? bedName(row.bed).replace(/^Bed /, "bed ") : row.label || row.id;
    this.forms.ask.openFor(
      t("discharge_of", { name: row.label || row.id }),
      t("bed_free", { worn }),
      t("discharge_of", { name }),
      (by) => call("POST", `/subjects/${row.id}/discharge`, { author: by }),
    );
  }

  deviceList() {
    return html`<section aria-labelledby="devices-title">
      <header><h2 id="devices-title">${t("devices")}</h2></header>
      <ul class="rows" id="devices">
        ${repeat(this.devices, (row) => row.id, (row) => this.device(row))}
      </ul>
      ${this.devices.length
        ? nothing
        : html`<p class="empty">${t("no_devices")}</p>`}
    </section>`;
  }

  /** @param {any} row */
  device(row) {
    const path = `/devices/${row.id}`;
    return html`<li class="row" data-device=${row.id}>
      <div>
        <h3>${row.label || row.id}</h3>
        <small>${row.id} · ${row.address}</small>
      </div>
      <p>${row.title}<small>${verified(row.verification)}</small></p>
      <div>${this.stateOf(row)}</div>
      <div class="actions">
        <button type="button" @click=${() => this.forms.bind.openFor(row)}>
          ${t(row.binding ? "move" : "bind")}
        </button>
        ${row.binding
          ? html`<button type="button" @click=${() => this.forms.swap.openFor(row)}>${t("swap")}</button>
              <button type="button" @click=${() => this.release(row)}>${t("release")}</button>`
          : nothing}
        ${row.session?.reason.includes("bond")
          ? html`<button type="button" @click=${() => this.pairAgain(row)}>${t("pair_again")}</button>`
          : nothing}
        <button
          type="button"
          @click=${() =>
            this.forms.ask.openFor(
              t("remove_of", { name: row.label || row.id }),
              t("remove_text"),
              t("remove"),
              (by) => call("DELETE", `${path}?author=${encodeURIComponent(by)}`),
            )}
        >
          ${t("remove")}
        </button>
      </div>
    </li>`;
  }

  /** @param {any} row */
  release(row) {
    this.forms.ask.openFor(t("release_of", { name: row.label || row.id }), t("release_text"), t("release"), (by) =>
      call("DELETE", `/devices/${row.id}/binding?author=${encodeURIComponent(by)}`),
    );
  }

  /** @param {any} row */
  pairAgain(row) {
    this.forms.ask.openFor(
      t("pair_again_of", { name: row.label || row.id }),
      t("pair_again_text"),
      t("pair_again"),
      (by) => call("POST", `/devices/${row.id}/pair`, { author: by }),
    );
  }

  /** @param {string|null} id of a subject @returns {string} what the ward calls them */
  nameOf(id) {
    return this.subjects.find((row) => row.id === id)?.label || id || "";
  }

  /** @param {string|null} id of a subject @returns {string} bed and label */
  placeOf(id) {
    const row = this.subjects.find((each) => each.id === id);
    if (!row) return "";
    const label = row.label || row.id;
    return row.bed && bedName(row.bed) !== label ? `${bedName(row.bed)}, ${label}` : label;
  }

  /** @param {any} row */
  discard(row) {
    this.forms.ask.openFor(
      t("discard_of", { text: row.text, device: row.device }),
      t("discard_text"),
      t("discard"),
      (by) => call("DELETE", `/readings/${row.id}?author=${encodeURIComponent(by)}`),
    );
  }

  /** @param {any} row */
  stateOf(row) {
    const feeds = !row.binding
      ? t("feeds_nobody")
      : row.binding.bed
        ? t("bed_feeds", { bed: bedName(row.binding.bed), name: this.nameOf(row.feeds) || t("empty_bed") })
        : t("feeds", { name: this.nameOf(row.feeds) });
    const session = row.session;
    if (!session) return html`<p>${feeds}</p>`;
    return html`<p>
      <span class="state" data-state=${session.state}
        ><span aria-hidden="true">${MARKS[session.state] ?? "◐"}</span>${linkText(session.state)}</span
      >, ${feeds}
      ${session.state !== "streaming" && session.reason ? html`<small>${translated(session.reason)}</small>` : nothing}
      ${session.unknown_codes ? html`<small>${t("unknown_codes", { codes: session.unknown_codes })}</small>` : nothing}
      ${session.last_seen ? html`<small>${t("last_seen", { ago: ago(Date.now() - Date.parse(session.last_seen)) })}</small>` : nothing}
    </p>`;
  }

  /** @param {string} path */
  async listen(path) {
    this.detected[path] = { busy: true };
    this.draw();
    try {
      this.detected[path] = await call("POST", "/commissioning/ports/detect", { path });
    } catch (error) {
      this.detected[path] = { detail: /** @type {Error} */ (error).message };
    }
    this.draw();
  }
}

/** @param {string} id @returns {HTMLElement} */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** How sure the driver of a device is. @param {string} level */
function verified(level) {
  return known(`verified_${level}`) ? t(`verified_${level}`) : level;
}

/** @param {string} iso @returns {string} date and time in the reader's style */
function when(iso) {
  return moment(Date.parse(iso), Date.now());
}

startLanguage();
void lookUp();
watchSettings(element("mistakes"));
new Page().start();
