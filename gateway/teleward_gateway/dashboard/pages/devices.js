// @ts-check
/** The commissioning page: subjects, devices, what is in reach, and pairing. */

import { author, call, setAuthor } from "../core/api.js";
import { AddDevice, Admit, Ask, BindDevice, MoveSubject, SwapDevice } from "./devices_forms.js";
import { lookUp } from "../core/me.js";
import { whoIsHere } from "../core/who.js";
import { portList, reachList } from "./devices_reach.js";
import { readingList, SettleReading } from "./devices_readings.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { ago, bedName, linkText, moment } from "../i18n/format.js";
import { repeat } from "../vendor/directives/repeat.js";

const REFRESH_MS = 2000;
const PORTS_EVERY = 5;

/** @type {Record<string, string>} how sure the driver of a device is */
const VERIFICATION = {
  "capture-verified": "verified with a real device's data",
  "spec-verified": "verified against the specification",
  "simulator-only": "unverified: never tried with real data",
};

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
    this.radioProblem = "";
    this.problem = "";
    this.turns = 0;
    this.drawn = false;
    const dialogs = element("dialogs");
    const changed = () => this.refresh();
    this.forms = {
      add: new AddDevice(dialogs, this, changed),
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
    if (this.turns++ % PORTS_EVERY === 0) {
      this.ports = await call("GET", "/commissioning/ports").catch(() => this.ports);
    }
  }

  draw() {
    if (!this.drawn) for (const id of ["bar", "page"]) element(id).replaceChildren();
    this.drawn = true;
    render(this.bar(), element("bar"));
    render(
      html`${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
      ${this.pairings.map((row) => this.pairing(row))}
      ${readingList(this.readings, this.forms.settle, (row) => this.discard(row))}
      ${this.subjectList()} ${this.deviceList()}
      ${reachList(this.found, this.radioProblem, this.forms.add)}
      ${portList(this.ports, this.detected, this.forms.add, (path) => this.listen(path))}`,
      element("page"),
    );
  }

  bar() {
    return html`<a class="button" href="/ward">Ward</a>
      <h1>Devices</h1>
      <span class="space"></span>
      ${this.gateway.provenance === "simulated"
        ? html`<span class="pill simulation"
            ><b>SIMULATION</b><span class="wide"> – not for clinical use</span></span
          >`
        : nothing}
      ${whoIsHere()}`;
  }

  /** @param {any} row */
  pairing(row) {
    if (row.digits) {
      return html`<div class="pairing" role="alert">
        <p>Type <b>${row.digits}</b> on <b>${row.device}</b> to pair it.</p>
      </div>`;
    }
    return html`<div class="pairing" role="alert">
      <form @submit=${(/** @type {SubmitEvent} */ event) => this.sendPasskey(event, row.address)}>
        <p><b>${row.device}</b> shows six digits. Type them to pair it.</p>
        <label
          >Passkey <input name="passkey" inputmode="numeric" pattern="[0-9]{6}" maxlength="6" required
        /></label>
        <label>Entered by <input name="author" required maxlength="80" .defaultValue=${author()} /></label>
        <button class="primary">Pair</button>
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
        <h2 id="subjects-title">Subjects</h2>
        <button type="button" id="admit" @click=${() => this.forms.admit.openFor()}>Admit</button>
      </header>
      <ul class="rows" id="subjects">
        ${repeat(this.subjects, (row) => row.id, (row) => this.subject(row))}
      </ul>
      ${this.subjects.length ? nothing : html`<p class="empty">Nobody is admitted.</p>`}
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
      <p>${bedName(row.bed)}<small>since ${when(row.admitted)}</small></p>
      <p>${row.devices.length ? row.devices.join(", ") : html`<span class="quiet">no device</span>`}</p>
      <div class="actions">
        <a class="button" href="/bed/${encodeURIComponent(row.id)}">Monitor</a>
        <button type="button" @click=${() => this.forms.move.openFor(row)}>Change bed</button>
        <button type="button" @click=${() => this.discharge(row)}>Discharge</button>
      </div>
    </li>`;
  }

  /** @param {any} row */
  discharge(row) {
    const worn = row.devices.length ? ` ${row.devices.join(", ")}: worn devices will feed nobody.` : "";
    const bed = row.bed ? bedName(row.bed).replace(/^Bed /, "bed ") : row.label || row.id;
    this.forms.ask.openFor(
      `Discharge ${row.label || row.id}`,
      `The bed will be free.${worn} Everything recorded stays.`,
      `Discharge ${bed}`,
      (by) => call("POST", `/subjects/${row.id}/discharge`, { author: by }),
    );
  }

  deviceList() {
    return html`<section aria-labelledby="devices-title">
      <header><h2 id="devices-title">Devices</h2></header>
      <ul class="rows" id="devices">
        ${repeat(this.devices, (row) => row.id, (row) => this.device(row))}
      </ul>
      ${this.devices.length
        ? nothing
        : html`<p class="empty">No device is commissioned. Add one that is in reach below.</p>`}
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
      <p>${row.title}<small>${VERIFICATION[row.verification] ?? row.verification}</small></p>
      <div>${this.stateOf(row)}</div>
      <div class="actions">
        <button type="button" @click=${() => this.forms.bind.openFor(row)}>
          ${row.binding ? "Move" : "Bind"}
        </button>
        ${row.binding
          ? html`<button type="button" @click=${() => this.forms.swap.openFor(row)}>Swap</button>
              <button type="button" @click=${() => this.release(row)}>Release</button>`
          : nothing}
        ${row.session?.reason.includes("bond")
          ? html`<button type="button" @click=${() => this.pairAgain(row)}>Pair again</button>`
          : nothing}
        <button
          type="button"
          @click=${() =>
            this.forms.ask.openFor(
              `Remove ${row.label || row.id}`,
              "The gateway will not use it any more. Its history stays.",
              "Remove",
              (by) => call("DELETE", `${path}?author=${encodeURIComponent(by)}`),
            )}
        >
          Remove
        </button>
      </div>
    </li>`;
  }

  /** @param {any} row */
  release(row) {
    this.forms.ask.openFor(`Release ${row.label || row.id}`, "It will feed nobody from now on.", "Release", (by) =>
      call("DELETE", `/devices/${row.id}/binding?author=${encodeURIComponent(by)}`),
    );
  }

  /** @param {any} row */
  pairAgain(row) {
    this.forms.ask.openFor(
      `Pair ${row.label || row.id} again`,
      "It has forgotten us, as after a reset or new batteries. Confirm that it is the same device.",
      "Pair again",
      (by) => call("POST", `/devices/${row.id}/pair`, { author: by }),
    );
  }

  /** @param {string|null} id of a subject @returns {string} what the ward calls them */
  nameOf(id) {
    return this.subjects.find((row) => row.id === id)?.label || id || "";
  }

  /** @param {any} row */
  discard(row) {
    this.forms.ask.openFor(
      `Discard ${row.text} from ${row.device}`,
      "It is of nobody here.",
      "Discard",
      (by) => call("DELETE", `/readings/${row.id}?author=${encodeURIComponent(by)}`),
    );
  }

  /** @param {any} row */
  stateOf(row) {
    const feeds = !row.binding
      ? "feeds nobody"
      : row.binding.bed
        ? `${bedName(row.binding.bed)}: ${this.nameOf(row.feeds) || "empty"}`
        : `feeds ${this.nameOf(row.feeds)}`;
    const session = row.session;
    if (!session) return html`<p>${feeds}</p>`;
    return html`<p>
      <span class="state" data-state=${session.state}
        ><span aria-hidden="true">${MARKS[session.state] ?? "◐"}</span>${linkText(session.state)}</span
      >, ${feeds}
      ${session.state !== "streaming" && session.reason ? html`<small>${session.reason}</small>` : nothing}
      ${session.last_seen ? html`<small>last seen ${ago(Date.now() - Date.parse(session.last_seen))}</small>` : nothing}
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

/** @param {string} iso @returns {string} date and time in the reader's style */
function when(iso) {
  return moment(Date.parse(iso), Date.now());
}

void lookUp();
new Page().start();
