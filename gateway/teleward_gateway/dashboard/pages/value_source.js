// @ts-check
/** Where a value of the bed comes from: what measured or who entered it, when, and how sure it is. */

import { html, render } from "../vendor/lit-html.js";
import { ago, dayTime, deviceName, duration, unitText } from "../i18n/format.js";
import { present } from "../core/state.js";
import { t } from "../i18n/words.js";

/** @typedef {import("../core/state.js").Subject} Subject */
/** @typedef {import("../core/state.js").Value} Value */

/** What a tile shows beside its first metric. */
const TOGETHER = /** @type {Record<string, string[]>} */ ({
  nibp: ["nibp_systolic", "nibp_diastolic", "nibp_mean"],
  arterial: ["arterial_systolic", "arterial_diastolic", "arterial_mean"],
  spo2: ["spo2", "pulse_rate", "perfusion_index"],
});
const COUNTED_FROM = /** @type {Record<string, string>} */ ({
  heart_rate: "from_ecg",
  pulse_rate: "from_pulse",
  respiratory_rate: "from_breathing",
  spo2: "from_light",
});

/** @param {number|null} quality 0 to 1 */
function qualityText(quality) {
  if (quality === null) return t("quality_none");
  const word = quality >= 0.8 ? "good" : quality >= 0.5 ? "fair" : "poor";
  return t(`quality_${word}`, { n: Math.round(quality * 100) });
}

/** @param {Subject} subject @param {string} metric @param {Value} value */
function sourceText(subject, metric, value) {
  const label = value.device ? deviceName(subject.links, value.device) : "";
  if (value.source === "manual") return t("entered_by_name", { name: value.author ?? t("a_person") });
  if (value.source === "derived") {
    const how = t(COUNTED_FROM[metric] ?? "computed");
    return label ? t("with_sensor", { how, label }) : how;
  }
  return t("measured_by", { label: label || t("a_device") });
}

/** @param {number|null|undefined} low @param {number|null|undefined} high */
function limitsText(low, high) {
  const places = { a: String(low), b: String(high) };
  if (low == null) return t(high == null ? "limit_off" : "limit_up", places);
  return t(high == null ? "limit_from" : "limit_both", places);
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
          <h2 id="source-title">${t("source_title")}</h2>
          <button type="button" @click=${() => this.dialog.close()}>${t("close")}</button>
        </header>
        ${subject && names.length
          ? names.map((name) => this.facts(subject, name))
          : html`<p class="quiet">${t("nothing_measured")}</p>`}`,
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
        <dt>${t("source")}</dt>
        <dd>${sourceText(subject, name, value)}</dd>
        <dt>${t("time")}</dt>
        <dd>${dayTime(value.time)}, ${ago(now - value.time)}</dd>
        ${value.source === "manual" ? null : html`<dt>${t("quality")}</dt><dd>${value.value === null ? shown.note : qualityText(value.quality)}</dd>`}
        <dt>${t("stands_for")}</dt>
        <dd>${duration(value.valid * 1000)}</dd>
        <dt>${t("alarm_limits")}</dt>
        <dd>${limitsText(low, high)}</dd>
      </dl>`;
  }
}
