// @ts-check
/** Records of one subject as files: format and range, how far it is, then the download. */

import { call } from "../core/api.js";
import { FormDialog } from "../core/form.js";
import { catalogueOf } from "../i18n/words.js";
import { html } from "../vendor/lit-html.js";

const LOOK_MS = 500;
const NS_PER_MS = 1e6;

const words = await catalogueOf("exports");
const t = words.text.bind(words);

/** @typedef {{name: string, summary: string}} Format */

export class ExportDialog extends FormDialog {
  /**
   * @param {string} id of the subject @param {HTMLElement} root
   * @param {() => [number, number]} span begin and end that the page shows, ms
   */
  constructor(id, root, span) {
    super(root, "export", t("export_title"));
    this.verb = t("export_verb");
    this.needs = "export";
    this.id = id;
    this.span = span;
    /** @type {Format[]} */
    this.formats = [];
    this.progress = "";
    /** The export that runs: closing the dialog cancels it. */
    this.running = "";
    this.dialog.addEventListener("close", () => void this.cancel());
  }

  open() {
    void this.readFormats();
    super.open();
  }

  async readFormats() {
    try {
      this.formats = await call("GET", "/export-formats");
    } catch (error) {
      this.error = /** @type {Error} */ (error).message;
    }
    this.draw();
  }

  fields() {
    const [start, end] = this.span();
    return html`<label
        >${t("format")}
        <select name="format" required>
          ${this.formats.map((each) => html`<option value=${each.name}>${each.name.toUpperCase()} – ${words.texts[`format_${each.name}`] ?? each.summary}</option>`)}
        </select></label
      >
      <label>${t("from")} <input type="datetime-local" step="1" name="from" required .defaultValue=${local(start)} /></label>
      <label>${t("to")} <input type="datetime-local" step="1" name="to" required .defaultValue=${local(end)} /></label>
      <label class="check"><input type="checkbox" name="waveforms" .defaultChecked=${true} /> ${t("waveforms")}</label>
      <label class="check"><input type="checkbox" name="research" /> ${t("research")}</label>
      <p class="quiet">${t("hint")}</p>
      <p role="status">${this.progress}</p>`;
  }

  /** @param {FormData} data */
  async send(data) {
    const order = {
      author: data.get("author"),
      format: data.get("format"),
      start_ns: new Date(String(data.get("from"))).getTime() * NS_PER_MS,
      end_ns: new Date(String(data.get("to"))).getTime() * NS_PER_MS,
      waveforms: data.get("waveforms") !== null,
      research: data.get("research") !== null,
    };
    let made = await call("POST", `/subjects/${encodeURIComponent(this.id)}/exports`, order);
    this.running = made.id;
    try {
      while (made.state === "running") {
        this.progress = t("progress", { n: Math.round(100 * made.share) });
        this.draw();
        await new Promise((done) => setTimeout(done, LOOK_MS));
        made = await call("GET", `/exports/${made.id}`);
      }
    } finally {
      this.progress = "";
      this.running = "";
    }
    if (made.state === "refused") throw new Error(made.message);
    download(`/api/v1/exports/${made.id}/file`, made.file_name);
    // a message stays to be read: what is missing is no secret of the file
    if (made.state === "damaged") throw new Error(made.message);
  }

  async cancel() {
    const name = this.running;
    this.running = "";
    if (name) await call("DELETE", `/exports/${name}`).catch(() => null);
  }
}

/** @param {string} address @param {string} name */
function download(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

/** @param {number} time ms @returns {string} as a field of date and time has it, in this zone */
function local(time) {
  const zone = new Date(time).getTimezoneOffset() * 60e3;
  return new Date(time - zone).toISOString().slice(0, 19);
}
