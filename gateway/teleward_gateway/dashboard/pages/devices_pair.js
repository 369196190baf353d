// @ts-check
/** Adding a device: what it shows now, what people call it, and for whom it is. */

import { call } from "../core/api.js";
import { FormDialog } from "../core/form.js";
import { bedName, unitText } from "../i18n/format.js";
import { p } from "../i18n/pair_words.js";
import { html, nothing } from "../vendor/lit-html.js";

/** @typedef {{subjects: any[], devices: any[], drivers: any[]}} Registered */

const LOOK_MS = 2000;
const ANOTHER = "another";
const SEXES = ["female", "male", "other"];

/** Looks at what a device shows now. @param {string} address @param {string} driver */
export const look = (address, driver) => call("POST", "/commissioning/previews", { address, driver });

/** What the display of a device shows too: no intervals. @param {any} preview @returns {any[]} */
function displayed(preview) {
  return (preview?.values ?? []).filter((/** @type {any} */ row) => !["s", "ms"].includes(row.unit));
}

/** The values of a preview in a line, "72 /min". @param {any} preview @returns {string} */
export function shownValues(preview) {
  return displayed(preview)
    .slice(0, 3)
    .map((/** @type {any} */ row) => `${row.label} ${row.text} ${unitText(row.unit)}`)
    .join(" · ");
}

export class AddDevice extends FormDialog {
  /**
   * @param {HTMLElement} root @param {Registered} known
   * @param {(added: string) => void} changed called with a sentence after a device was added
   */
  constructor(root, known, changed) {
    super(root, "add-device", "");
    this.known = known;
    this.changed = changed;
    this.verb = p("add");
    this.closes = p("close");
    this.enteredBy = p("entered_by");
    this.address = "";
    this.name_ = "";
    this.link = "";
    this.target = "";
    /** @type {string[]} */ this.fits = [];
    /** @type {any} */ this.preview = null;
    this.timer = 0;
    this.dialog.addEventListener("close", () => clearInterval(this.timer));
  }

  /** @param {string} address @param {string[]} fits @param {string} name @param {string} link */
  openFor(address, fits, name, link) {
    [this.address, this.fits, this.name_, this.link, this.target] = [address, fits, name, link, ""];
    this.preview = null;
    this.title = p("add_title", { name: name || address });
    this.open();
    clearInterval(this.timer);
    this.timer = window.setInterval(() => this.look(), LOOK_MS);
    void this.look();
  }

  async look() {
    const driver = this.driver();
    if (!driver || this.busy || document.hidden) return;
    this.preview = await look(this.address, driver).catch(() => null);
    if (this.dialog.open) this.draw();
  }

  driver() {
    const field = /** @type {HTMLSelectElement|null} */ (this.dialog.querySelector("[name=driver]"));
    return field?.value || this.fits[0] || "";
  }

  fields() {
    const others = this.known.drivers
      .filter((row) => row.link === this.link && !this.fits.includes(row.name))
      .map((row) => row.name);
    return html`<div class="grid">
      ${this.shown()}
      <label>${p("name_it")}
        <input name="label" required maxlength="80" autocomplete="off" .defaultValue=${this.name_} /></label>
      ${this.whom()} ${this.target === ANOTHER ? this.patient() : nothing}
      <details ?open=${!this.fits.length}>
        <summary>${p("more")}</summary>
        <p class="quiet">${this.address}</p>
        <label>${p("driver")}
          <select name="driver" required>
            ${this.fits.length ? nothing : html`<option value="">${p("choose")}</option>`}
            ${[...this.fits, ...others].map((name) => html`<option>${name}</option>`)}
          </select></label>
        ${this.link === "ble"
          ? html`<label>${p("passkey")}
              <input name="passkey" inputmode="numeric" pattern="[0-9]{6}" maxlength="6" /></label>`
          : nothing}
      </details>
    </div>`;
  }

  /** What the device shows now, to be compared with its own display. */
  shown() {
    if (!this.preview) return html`<p class="shown quiet">${p("connecting")}</p>`;
    const { advice } = this.preview;
    const values = displayed(this.preview);
    return html`<div class="shown" role="status">
      ${values.length
        ? html`<p><small>${p("shows_now")}</small>
            ${values.slice(0, 4).map(
              (/** @type {any} */ row) => html`<span class="value"><b>${row.text}</b> ${unitText(row.unit)} <small>${row.label}</small></span>`,
            )}</p>
            <p class="quiet">${p("compare")}</p>`
        : html`<p class="quiet">${p(advice ? `advice_${advice}` : "connecting")}</p>`}
      ${values.length && advice ? html`<p class="advice">${p(`advice_${advice}`)}</p>` : nothing}
    </div>`;
  }

  whom() {
    const { subjects } = this.known;
    const beds = [...new Set(subjects.map((row) => row.bed).filter(Boolean))].sort();
    return html`<label>${p("whom")}
      <select name="target" required @change=${(/** @type {Event} */ event) => this.choose(event)}>
        <option value="">${p("choose")}</option>
        <optgroup label=${p("comes_along")}>
          ${subjects.map((row) => html`<option value="subject:${row.id}">${this.nameOf(row)}</option>`)}
          <option value=${ANOTHER}>${p("another_patient")}</option>
        </optgroup>
        <optgroup label=${p("stays")}>
          ${beds.map((bed) => html`<option value="bed:${bed}">${bedName(bed)}</option>`)}
        </optgroup>
        <option value="nobody">${p("nobody_yet")}</option>
      </select></label>`;
  }

  /** @param {any} row a subject @returns {string} "Bed 2, Anna (has clip)" */
  nameOf(row) {
    const label = row.label || row.id;
    const place = row.bed ? bedName(row.bed) : "";
    const who = place && place !== label ? `${place}, ${label}` : label;
    const devices = row.devices.map(
      (/** @type {string} */ id) => this.known.devices.find((each) => each.id === id)?.label || id,
    );
    return devices.length ? `${who} (${p("has", { devices: devices.join(", ") })})` : who;
  }

  /** @param {Event} event */
  choose(event) {
    this.target = /** @type {HTMLSelectElement} */ (event.target).value;
    this.draw();
  }

  patient() {
    return html`<fieldset class="grid">
      <legend>${p("another_patient")}</legend>
      <label>${p("patient")} <input name="patient" required maxlength="80" autocomplete="off" /></label>
      <label>${p("bed")} <input name="bed" maxlength="40" autocomplete="off" /></label>
      <label>${p("age")} <input name="age" maxlength="12" placeholder=${p("age_hint")} /></label>
      ${sexChoice()}
      <label>${p("note")} <input name="detail" maxlength="80" /></label>
      <p class="quiet">${p("age_rule")}</p>
    </fieldset>`;
  }

  /** @param {FormData} data */
  async send(data) {
    const author = String(data.get("author"));
    const target = String(data.get("target"));
    let [subject, bed] = [/** @type {string|undefined} */ (undefined), /** @type {string|undefined} */ (undefined)];
    if (target === ANOTHER) subject = (await admit(data, "patient", author)).id;
    else if (target.startsWith("subject:")) subject = target.slice("subject:".length);
    else if (target.startsWith("bed:")) bed = target.slice("bed:".length);
    const passkey = String(data.get("passkey") ?? "");
    const label = String(data.get("label")).trim();
    try {
      await call("POST", "/devices", {
        driver: data.get("driver"), address: this.address, label, author,
        options: passkey ? { passkey: Number(passkey) } : {},
        ...(subject ? { subject } : {}), ...(bed ? { bed } : {}),
      });
    } catch (error) {
      // the patient is there already: a second attempt must not admit a second one
      if (target === ANOTHER && subject) this.target = `subject:${subject}`;
      this.changed("");
      throw error;
    }
    const row = this.known.subjects.find((each) => each.id === subject);
    const who = bed ? bedName(bed) : row ? row.label || row.id : String(data.get("patient") ?? "");
    this.changed(p(subject || bed ? "done" : "done_nobody", { name: label, who }));
  }
}

export function sexChoice() {
  return html`<label>${p("sex")}
    <select name="sex"><option value="">${p("sex_none")}</option>
      ${SEXES.map((sex) => html`<option value=${sex}>${p(`sex_${sex}`)}</option>`)}</select></label>`;
}

/**
 * Admits a patient; the gateway makes the id.
 * @param {FormData} data @param {string} name of the field with the label @param {string} author
 */
export function admit(data, name, author) {
  const text = (/** @type {string} */ key) => String(data.get(key) ?? "").trim();
  const [age, sex, detail] = [text("age"), text("sex"), text("detail")];
  return call("POST", "/subjects", {
    label: text(name), bed: text("bed") || null, author,
    attributes: { ...(age && { age }), ...(sex && { sex }), ...(detail && { detail }) },
  });
}
