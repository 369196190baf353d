// @ts-check
/** The dialogs of the commissioning page. */

import { call } from "../core/api.js";
import { FormDialog } from "../core/form.js";
import { t } from "../i18n/devices_words.js";
import { p } from "../i18n/pair_words.js";
import { admit, sexChoice } from "./devices_pair.js";
import { bedName } from "../i18n/format.js";
import { html, nothing } from "../vendor/lit-html.js";

/** @typedef {{subjects: any[], devices: any[], drivers: any[]}} Registered */

class DeviceForm extends FormDialog {
  /**
   * @param {HTMLElement} root @param {string} name @param {string} title
   * @param {Registered} known @param {() => void} changed called after a change
   */
  constructor(root, name, title, known, changed) {
    super(root, name, title);
    this.known = known;
    this.changed = changed;
  }

  /** Opens empty: what was typed for the last subject must not stand there for the next. */
  open() {
    super.open();
    this.dialog.querySelector("form")?.reset();
  }

  /** @param {FormData} data @returns {Promise<void>} */
  async send(data) {
    await this.act(data, String(data.get("author")));
    this.changed();
  }

  /** @param {FormData} data @param {string} author @returns {Promise<unknown>} */
  async act(data, author) {
    void data;
    void author;
    return undefined;
  }

  /** A choice of subjects and of their beds. @param {string} nobody text of the empty choice */
  target(nobody = "") {
    const beds = [...new Set(this.known.subjects.map((row) => row.bed).filter(Boolean))].sort();
    return html`<label
      >${t("target")}
      <select name="target" ?required=${!nobody}>
        ${nobody ? html`<option value="">${nobody}</option>` : nothing}
        <optgroup label=${t("worn_group")}>
          ${this.known.subjects.map(
            (row) => html`<option value="subject:${row.id}">${row.label || row.id}</option>`,
          )}
        </optgroup>
        <optgroup label=${t("stays_group")}>
          ${beds.map((bed) => html`<option value="bed:${bed}">${bedName(bed)}</option>`)}
        </optgroup>
      </select></label
    >`;
  }
}

/** @param {FormData} data @returns {{subject?: string, bed?: string}} */
function chosen(data) {
  const [kind, ...rest] = String(data.get("target") ?? "").split(":");
  const name = rest.join(":");
  return kind === "subject" ? { subject: name } : kind === "bed" ? { bed: name } : {};
}

export class BindDevice extends DeviceForm {
  /** @param {HTMLElement} root @param {Registered} known @param {() => void} changed */
  constructor(root, known, changed) {
    super(root, "bind-device", t("bind_device"), known, changed);
    this.device = { id: "", label: "", binding: null };
  }

  /** @param {any} device */
  openFor(device) {
    this.device = device;
    this.verb = t(device.binding ? "move" : "bind");
    this.title = t(device.binding ? "move_of" : "bind_of", { name: device.label || device.id });
    this.open();
  }

  fields() {
    return html`<div class="grid">
      ${this.target()}
      <p class="quiet">${t("bind_text")}</p>
    </div>`;
  }

  /** @param {FormData} data @param {string} author */
  act(data, author) {
    return call("PUT", `/devices/${this.device.id}/binding`, { ...chosen(data), move: true, author });
  }
}

export class SwapDevice extends DeviceForm {
  /** @param {HTMLElement} root @param {Registered} known @param {() => void} changed */
  constructor(root, known, changed) {
    super(root, "swap-device", t("swap_device"), known, changed);
    this.verb = t("swap");
    this.device = { id: "", label: "" };
  }

  /** @param {any} device */
  openFor(device) {
    this.device = device;
    this.title = t("swap_of", { name: device.label || device.id });
    this.open();
  }

  fields() {
    const free = this.known.devices.filter((row) => !row.binding);
    return html`<div class="grid">
      <label
        >${t("taken_over")}
        <select name="new" required>
          ${free.map((row) => html`<option value=${row.id}>${row.label || row.id}</option>`)}
        </select></label
      >
      <p class="quiet">
        ${t(free.length ? "swap_text" : "swap_none")}
      </p>
    </div>`;
  }

  /** @param {FormData} data @param {string} author */
  act(data, author) {
    return call("POST", `/devices/${this.device.id}/swap`, { new: data.get("new"), author });
  }
}

export class Admit extends DeviceForm {
  /** @param {HTMLElement} root @param {Registered} known @param {() => void} changed */
  constructor(root, known, changed) {
    super(root, "admit", t("admit_patient"), known, changed);
    this.verb = t("admit");
  }

  openFor() {
    this.open();
  }

  fields() {
    return html`<div class="grid">
      <label>${t("label")} <input name="label" required maxlength="80" /></label>
      <label>${t("bed")} <input name="bed" maxlength="40" placeholder=${t("bed_example")} /></label>
      <label>${t("age")} <input name="age" maxlength="12" placeholder="63 y, 8 mo, 3 d" /></label>
      ${sexChoice()}
      <label>${p("note")} <input name="detail" maxlength="80" /></label>
      <p class="quiet">${t("age_text")}</p>
      <p class="quiet">${t("label_text")}</p>
    </div>`;
  }

  /** @param {FormData} data @param {string} author */
  act(data, author) {
    return admit(data, "label", author);
  }
}

export class MoveSubject extends DeviceForm {
  /** @param {HTMLElement} root @param {Registered} known @param {() => void} changed */
  constructor(root, known, changed) {
    super(root, "move-subject", t("change_bed"), known, changed);
    this.verb = t("change_bed");
    this.subject = { id: "", label: "", bed: "" };
  }

  /** @param {any} subject */
  openFor(subject) {
    this.subject = subject;
    this.title = t("change_bed_of", { name: subject.label || subject.id });
    this.open();
  }

  fields() {
    return html`<div class="grid">
      <label
        >${t("bed")}
        <input name="bed" maxlength="40" .defaultValue=${this.subject.bed ? bedName(this.subject.bed) : ""}
      /></label>
      <label class="check"><input type="checkbox" name="swap" /> ${t("swap_beds")}</label>
      <p class="quiet">${t("change_bed_text")}</p>
    </div>`;
  }

  /** @param {FormData} data @param {string} author */
  act(data, author) {
    const bed = String(data.get("bed") ?? "").trim() || null;
    return call("POST", `/subjects/${this.subject.id}/move`, { bed, swap: data.has("swap"), author });
  }
}

/** Ask before something that a person should mean. */
export class Ask extends DeviceForm {
  /** @param {HTMLElement} root @param {Registered} known @param {() => void} changed */
  constructor(root, known, changed) {
    super(root, "ask", "", known, changed);
    this.text = "";
    /** @type {(author: string) => Promise<unknown>} */
    this.action = async () => undefined;
  }

  /**
   * @param {string} title @param {string} text @param {string} verb of the button
   * @param {(author: string) => Promise<unknown>} action
   */
  openFor(title, text, verb, action) {
    [this.title, this.text, this.verb, this.action] = [title, text, verb, action];
    this.open();
  }

  fields() {
    return html`<p>${this.text}</p>`;
  }

  /** @param {FormData} _data @param {string} author */
  act(_data, author) {
    return this.action(author);
  }
}
