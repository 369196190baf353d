// @ts-check
/** The numeric tiles of the bedside monitor. */

import { MARKS, metricPriority } from "../alarms/priorities.js";
import { shortTime, unitText } from "../i18n/format.js";
import { bloodPressure, heartRate, newsBadge, present } from "../core/state.js";
import { known, t, translated } from "../i18n/words.js";
import { html, nothing } from "../vendor/lit-html.js";

/** @typedef {import("../core/state.js").Subject} Subject */
/** @typedef {import("../core/state.js").Shown} Shown */

/** How long the heart shows after a beat. */
export const BLINK_MS = 180;

/**
 * @typedef {object} Tile
 * @property {string} kind @property {string} metric @property {string} label @property {string} unit
 * @property {Shown} shown @property {string} alarm @property {[string, string]} [limits]
 * @property {unknown} [extra]
 */

/** @param {Tile} tile */
function numeric({ kind, metric, label, unit, shown, alarm, limits = ["", ""], extra }) {
  const priority = /** @type {keyof typeof MARKS} */ (alarm.split(" ")[0]);
  return html`<div
    class="num ${kind}"
    data-metric=${metric}
    data-state=${shown.state}
    data-alarm=${alarm || nothing}
  >
    <h2>
      <button type="button" class="about" data-about=${metric} aria-label=${t("about_value", { label })}>
        ${alarm ? `${MARKS[priority]} ` : ""}${label} <small>${unit}</small>
      </button>
    </h2>
    <span class="limits"
      ><span class="hidden-text">${t("limits_of_value")}</span><span>${limits[0]}</span><span>${limits[1]}</span></span
    >
    <div class="main">
      <span class="note">${shown.note}${extra ?? ""}</span>
      <output class="value" aria-live="off">${shown.text}</output>
    </div>
  </div>`;
}

/** @param {Subject} subject @param {string} metric @returns {[string, string]} upper, lower */
function limitsOf(subject, metric) {
  const limits = /** @type {any} */ (subject.limits[metric]) ?? {};
  const text = (/** @type {number|null|undefined} */ value) => (value == null ? "" : String(value));
  return [text(limits.high ?? limits.very_high), text(limits.low ?? limits.very_low)];
}

/**
 * @param {Subject} subject @param {Record<string, import("../core/state.js").Metric>} metrics
 * @param {number} now
 */
export function numericTiles(subject, metrics, now) {
  const { values, alarms } = subject;
  const rate = heartRate(subject, now);
  const pressure = bloodPressure(subject, now);
  const unit = (/** @type {string} */ name) => unitText(metrics[name]?.unit ?? "");
  const beat = now - subject.beatAt < BLINK_MS;
  return html`${numeric({
    kind: "hr",
    metric: rate.metric,
    label: rate.metric === "heart_rate" ? "HR" : "PR",
    unit: unit("heart_rate"),
    shown: rate.shown,
    alarm: metricPriority(alarms, "heart_rate", "pulse_rate"),
    limits: limitsOf(subject, rate.metric),
    extra: html`<span class="heart" data-beat=${beat ? "" : nothing} aria-hidden="true">♥</span>`,
  })}
  ${numeric({
    kind: "spo2",
    metric: "spo2",
    label: "SpO₂",
    unit: "%",
    shown: present(values.spo2, 0, now),
    alarm: metricPriority(alarms, "spo2"),
    limits: limitsOf(subject, "spo2"),
    extra: html`${side(subject, rate.metric === "heart_rate" ? ["pulse_rate", "perfusion_index"] : ["perfusion_index"], metrics, now)}${deficit(subject, now)}`,
  })}
  ${numeric({
    kind: "rr",
    metric: "respiratory_rate",
    label: "RR",
    unit: unit("respiratory_rate"),
    shown: present(values.respiratory_rate, 0, now),
    alarm: metricPriority(alarms, "respiratory_rate"),
    limits: limitsOf(subject, "respiratory_rate"),
  })}
  ${numeric({
    kind: "bp",
    metric: "nibp",
    label: "NIBP",
    unit: "mmHg",
    shown: { ...pressure.shown, note: bpNote(pressure) },
    alarm: metricPriority(alarms, "nibp_systolic", "nibp_diastolic", "nibp_mean"),
    limits: limitsOf(subject, "nibp_systolic"),
    extra: pressure.mean ? html`<span class="mean" data-metric="nibp_mean">(<b class="value">${pressure.mean}</b>)</span>` : "",
  })}
  ${numeric({
    kind: "temp",
    metric: "body_temperature",
    label: "Temp",
    unit: unit("body_temperature"),
    shown: present(values.body_temperature, 1, now),
    alarm: metricPriority(alarms, "body_temperature"),
    limits: limitsOf(subject, "body_temperature"),
  })}
  ${newsTile(subject, metrics)}${arterial(subject, metrics, now)}${others(subject, metrics, now)}`;
}

/** @param {{shown: Shown, time: number|null}} pressure */
function bpNote({ shown, time }) {
  if (shown.state !== "ok" || time === null) return shown.note;
  return [t("at_time", { time: shortTime(time) }), shown.note === t("typed") ? shown.note : ""].filter(Boolean).join(", ");
}

/** Small values beside a large one. @param {Subject} subject @param {string[]} names
 * @param {Record<string, import("../core/state.js").Metric>} metrics @param {number} now */
function side(subject, names, metrics, now) {
  return names
    .filter((name) => subject.values[name])
    .map((name) => {
      const shown = present(subject.values[name], metrics[name]?.decimals ?? 0, now);
      return html`<span class="side" data-metric=${name} data-state=${shown.state}
        >${metrics[name]?.label} <b class="value">${shown.text}</b></span
      >`;
    });
}

/** From this difference on beats do not reach the finger: usual in atrial fibrillation. */
const DEFICIT_PER_MIN = 10;

/** Heart rate less pulse rate, where both are sure and it is more than sway.
 * @param {Subject} subject @param {number} now */
function deficit({ values }, now) {
  const [heart, pulse] = [values.heart_rate, values.pulse_rate].map((value) => present(value, 0, now));
  const missed = Number(heart.text) - Number(pulse.text);
  if (heart.state !== "ok" || pulse.state !== "ok" || missed < DEFICIT_PER_MIN) return nothing;
  return html`<span class="side" data-metric="pulse_deficit">${t("deficit")} <b class="value">${missed}</b></span>`;
}

const MOST_OTHERS = 4;
const SHOWN = new Set([
  "heart_rate", "pulse_rate", "spo2", "perfusion_index", "respiratory_rate", "nibp_systolic",
  "nibp_diastolic", "nibp_mean", "body_temperature", "news2", "rr_interval", "consciousness",
  "supplemental_oxygen", "spo2_scale", "battery", "cuff_pressure", "arterial_systolic",
  "arterial_diastolic", "arterial_mean",
]);

/** The pressure of an arterial line, where there is one. @param {Subject} subject
 * @param {Record<string, import("../core/state.js").Metric>} metrics @param {number} now */
function arterial(subject, metrics, now) {
  const { arterial_systolic: upper, arterial_diastolic: lower, arterial_mean: mean } = subject.values;
  if (!upper || !lower) return nothing;
  const [high, low, middle] = [upper, lower, mean].map((value) => present(value, 0, now));
  const text = high.text === "--" || low.text === "--" ? "--" : `${high.text}/${low.text}`;
  return numeric({
    kind: "abp",
    metric: "arterial",
    label: "ABP",
    unit: unitText(metrics.arterial_systolic?.unit ?? ""),
    shown: { ...high, text },
    alarm: metricPriority(subject.alarms, "arterial_systolic", "arterial_diastolic", "arterial_mean"),
    limits: limitsOf(subject, "arterial_systolic"),
    extra: html`<span class="mean" data-metric="arterial_mean">(<b class="value">${middle.text}</b>)</span>`,
  });
}

/** What the subject has beyond the usual. @param {Subject} subject
 * @param {Record<string, import("../core/state.js").Metric>} metrics @param {number} now */
function others(subject, metrics, now) {
  return Object.keys(subject.values)
    .filter((name) => !SHOWN.has(name) && metrics[name])
    .slice(0, MOST_OTHERS)
    .map((name) =>
      numeric({
        kind: "other",
        metric: name,
        label: metrics[name].label,
        unit: unitText(metrics[name].unit),
        shown: present(subject.values[name], metrics[name].decimals, now),
        alarm: metricPriority(subject.alarms, name),
        limits: limitsOf(subject, name),
      }),
    );
}

/** @param {Subject} subject @param {Record<string, import("../core/state.js").Metric>} metrics */
function newsTile(subject, metrics) {
  if (subject.news2?.pews) return pewsTile(subject.news2.pews, subject.news2.not_applied ?? "", metrics);
  const badge = newsBadge(subject.news2);
  const lacking = [...(subject.news2?.missing ?? []), ...(subject.news2?.stale ?? [])];
  const names = lacking.map((name) => (name === "pulse" ? "HR" : (metrics[name]?.label ?? name)));
  const { not_applied: why, risk } = subject.news2 ?? {};
  const note = why ? translated(why) : names.length ? t("news_missing", { names: names.join(", ") }) : risk && known(`risk_${risk}`) ? t(`risk_${risk}`) : "";
  return html`<div class="num news2" data-metric="news2" data-state=${badge.band === null ? "withheld" : "ok"}>
    <h2>NEWS2</h2>
    <span class="limits"></span>
    <div class="main">
      <span class="note" title=${badge.title}>${note}</span>
      <output class="value news" data-band=${badge.band ?? nothing} title=${badge.title}
        >${badge.text.replace("NEWS ", "")}</output
      >
    </div>
  </div>`;
}

/** What a child's chart gives in place of NEWS2: the points that are known, never a total.
 * @param {import("../core/state.js").Pews} pews @param {string} why why there is no NEWS2
 * @param {Record<string, import("../core/state.js").Metric>} metrics */
function pewsTile(pews, why, metrics) {
  const known = Object.keys(pews.points).length > 0;
  return html`<div class="num news2 pews" data-metric="pews" data-state=${known ? "ok" : "withheld"}>
    <h2 title=${why}>PEWS</h2>
    <output class="value news">${known ? `≥${pews.at_least}` : "–"}</output>
    <div class="main"><span class="note" title=${pewsText(pews, metrics)}>${t("pews_view", { points: pewsPoints(pews, metrics) })}</span></div>
  </div>`;
}

/** The points of a child and what they lack, in words. @param {import("../core/state.js").Pews} pews
 * @param {Record<string, import("../core/state.js").Metric>} metrics */
export function pewsText(pews, metrics) {
  const lacking = [...pews.missing, ...pews.stale].map((name) => pewsLabel(name, metrics)).concat(pews.unseen);
  const points = pewsPoints(pews, metrics) || t("pews_nothing");
  return t("pews_text", { title: pews.title, age: pews.age_band, points, missing: lacking.join(", "), source: pews.source });
}

/** @param {import("../core/state.js").Pews} pews
 * @param {Record<string, import("../core/state.js").Metric>} metrics */
function pewsPoints(pews, metrics) {
  return Object.entries(pews.points).map(([name, points]) => `${pewsLabel(name, metrics)} ${points}`).join(", ");
}

/** @param {string} name @param {Record<string, import("../core/state.js").Metric>} metrics */
function pewsLabel(name, metrics) {
  return name === "heart_rate" ? "HR" : name === "nibp_systolic" ? "BP" : (metrics[name]?.label ?? name);
}
