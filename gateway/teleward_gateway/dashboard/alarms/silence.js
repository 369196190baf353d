// @ts-check
/** One key silences the alarm sound of the whole ward for two minutes; the time left is shown. */

import { author, call, setAuthor } from "../core/api.js";
import { keyed } from "../core/keys.js";
import { t } from "../i18n/words.js";
import { html } from "../vendor/lit-html.js";

const SILENCE_S = 120;

export class WardSilence {
  /** @param {import("../core/shell.js").Shell} shell */
  constructor(shell) {
    this.shell = shell;
    this.error = "";
  }

  /** @returns {number} ms until the first bed sounds again; 0 when one may sound now */
  left() {
    const now = this.shell.stream.now();
    const subjects = [...this.shell.ward.subjects.values()];
    if (!subjects.length) return 0;
    return Math.max(0, Math.min(...subjects.map(({ info }) => (info.audio_pause ?? 0) - now)));
  }

  async press() {
    const name = author() || "station";
    setAuthor(name);
    try {
      await call("POST", "/audio-pause", { author: name, duration_s: this.left() ? 0 : SILENCE_S });
      this.error = "";
    } catch (error) {
      this.error = /** @type {Error} */ (error).message;
    }
    this.shell.queueDraw();
  }

  button() {
    const left = Math.ceil(this.left() / 1000);
    return html`<button
        type="button"
        id="silence"
        data-needs="pause"
        aria-pressed=${String(left > 0)}
        aria-keyshortcuts="i"
        ?disabled=${!this.shell.ward.subjects.size}
        @click=${() => this.press()}
      >
        ${left ? t("ward_silent", { n: left }) : keyed(t("silence"), "i")}
      </button>
      ${this.error ? html`<span class="error" role="alert">${this.error}</span>` : null}`;
  }
}
