// @ts-check
/** Where a value of the bed comes from: what measured or who entered it, when, and how sure it is. */

import { html, render } from "../vendor/lit-html.js";
import { ago, dayTime, deviceName, duration, unitText } from "../i18n/format.js";
import { present } from "../core/state.js";

/** @typedef {import("../core/state.js").Subject} Subject */
/** @typedef {import("../core/state.js").Value} Value */

/** What a tile shows beside its first metric. */
const TOGETHER = /** @type {Record<string, string[]>} */ ({
  nibp: ["nibp_systolic", "nibp_diastolic", "nibp_mean"],
  arterial: ["arterial_systolic", "arterial_diastolic", "arterial_mean"],
  spo2: ["spo2", "pulse_rate", "perfusion_index"],
});
const COUNTED_FROM = /** @type {Record<string, string>} */ ({
  heart_rate: "counted by the gateway from the ECG",
  pulse_rate: "counted by the gateway from the pulse wave",
  respiratory_rate: "counted by the gateway from the breathing wave",
  spo2: "computed by the gateway from raw light, without a published accuracy",
});

/** @param {number|null} quality 0 to 1 */
function qualityText(quality) {
  if (quality === null) return "not reported by the device";
  const word = quality >= 0.8 ? "good" : quality >= 0.5 ? "fair" : "poor: do not rely on it";
  return `${Math.round(quality * 100)} %, ${word}`;
}

/** @param {Subject} subject @param {string} metric @param {Value} value */
function sourceText(subject, metric, value) {
  const label = value.device ? deviceName(subject.links, value.device) : "";
  if (value.source === "manual") return `entered by ${value.author ?? "a person"}`;
  if (value.source === "derived") {
    const how = COUNTED_FROM[metric] ?? "computed by the gateway";
    return label ? `${how}, sensor ${label}` : how;
  }
  return label ? `measured by ${label}` : "measured by a device";
}

/** @param {number|null|undefined} low @param {number|null|undefined} high */
function limitsText(low, high) {
  if (low == null) return high == null ? "off" : `up to ${high}`;
  return high == null ? `from ${low}` : `${low} to ${high}`;
}

export class SourceDialog {
  /** @param {import("../core/shell.js").Shell} shell @param {string} id @param {HTMLElement} root */
  constructor(shell, id, root) {
    this.shell = shell;
    this.id = id;
    this.about = "";
    this.dialog = document.createElement("dialog");
    this.dialog.id = "source-dialog";
    this.dialog.setAttribute("aria-labelledby", "source-title");
    root.append(this.dialog);
  }

  /** @param {string} about a metric, or the pressures of a cuff or a line */
  open(about) {
    this.about = about;
    this.draw();
    this.dialog.showModal();
  }

  draw() {
    const subject = this.shell.ward.subjects.get(this.id);
    const names = (TOGETHER[this.about] ?? [this.about]).filter((name) => subject?.values[name]);
    render(
      html`<header>
          <h2 id="source-title">Where it comes from</h2>
          <button type="button" @click=${() => this.dialog.close()}>Close</button>
        </header>
        ${subject && names.length
          ? names.map((name) => this.facts(subject, name))
          : html`<p class="quiet">Nothing measured it yet, and nobody entered it.</p>`}`,
      this.dialog,
    );
  }

  /** @param {Subject} subject @param {string} name */
  facts(subject, name) {
    const now = this.shell.stream.now();
    const metric = this.shell.ward.metrics[name];
    const value = subject.values[name];
    const shown = present(value, metric?.decimals ?? 0, now);
    const limits = /** @type {any} */ (subject.limits[name]) ?? {};
    const [low, high] = [limits.low ?? limits.very_low, limits.high ?? limits.very_high];
    return html`<h3>${metric?.label ?? name} ${shown.text} <small>${unitText(metric?.unit ?? "")}</small></h3>
      <dl class="facts" data-metric=${name}>
        <dt>Source</dt>
        <dd>${sourceText(subject, name, value)}</dd>
        <dt>Time</dt>
        <dd>${dayTime(value.time)}, ${ago(now - value.time)}</dd>
        ${value.source === "manual" ? null : html`<dt>Quality</dt><dd>${value.value === null ? shown.note : qualityText(value.quality)}</dd>`}
        <dt>Stands for</dt>
        <dd>${duration(value.valid * 1000)}</dd>
        <dt>Alarm limits</dt>
        <dd>${limitsText(low, high)}</dd>
      </dl>`;
  }
}
