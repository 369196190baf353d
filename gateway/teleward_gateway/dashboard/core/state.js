// @ts-check
/**
 * The ward as the page knows it: messages of the stream in, what to show out.
 *
 * @typedef {object} Value
 * @property {number|null} value @property {string|null} reason @property {number|null} quality
 * @property {string} source @property {number} time @property {number} received
 * @property {number} valid @property {string|null} author
 * @property {string|null} device whose value it is, where a device made it
 *
 * @typedef {object} Alarm
 * @property {string} condition @property {"physiological"|"technical"} kind
 * @property {"high"|"medium"|"low"|"info"} priority @property {"on"|"latched"|"ack"} presence
 * @property {string} text @property {string|null} metric @property {number|null} value
 * @property {number|null} limit @property {number} since @property {string|null} author
 *
 * @typedef {object} News2
 * @property {number|null} total @property {string|null} risk @property {number} at_least
 * @property {Record<string, number>} points @property {string[]} missing @property {string[]} stale
 * @property {number} spo2_scale
 * @property {string|null} not_applied why the person is not scored at all
 * @property {Pews|null} [pews] what a child's chart gives in its place
 *
 * @typedef {object} Pews
 * @property {string} age_band @property {number} at_least @property {string} title
 * @property {Record<string, number>} points @property {Record<string, number>} values
 * @property {string[]} missing @property {string[]} stale @property {string[]} unseen
 * @property {string} source
 *
 * @typedef {object} Info
 * @property {string} label @property {string} bed @property {boolean} simulated
 * @property {string} detail @property {number|null} [audio_pause]
 * @property {Record<string, string>} [channel_labels]
 *
 * @typedef {object} Metric
 * @property {string} label @property {string} unit @property {number} decimals
 *
 * @typedef {object} Shown
 * @property {string} text   the value, or "--"
 * @property {"ok"|"poor"|"stale"|"withheld"|"missing"} state
 * @property {string} note   why there is no value, or how old it is
 */

import { SubjectWaves } from "../waves/waves.js";
import { ago } from "../i18n/format.js";
import { known, t, translated } from "../i18n/words.js";

/** A value older than this shows its age even while it is valid (a cuff reading of minutes ago). */
const AGE_SHOWN_MS = 60000;
/** How late a measured time may be against its arrival before the value counts as old. */
const TRANSPORT_MS = 10000;
const POOR_QUALITY = 0.5;

/** What the gateway leaves out of a value. */
const USUAL = { value: null, reason: null, quality: null, source: "derived", valid: 5, author: null, device: null };

export class Subject {
  /** @param {string} id @param {number} key */
  constructor(id, key) {
    this.id = id;
    this.key = key;
    this.info = /** @type {Info} */ ({ label: id, bed: id, simulated: false, detail: "" });
    this.values = /** @type {Record<string, Value>} */ ({});
    /** What devices reported of themselves, newest last. */
    this.events = /** @type {{device: string, text: string, time: number}[]} */ ([]);
    this.alarms = /** @type {Alarm[]} */ ([]);
    this.links = /** @type {Record<string, {state: string, [key: string]: any}>} */ ({});
    this.limits = /** @type {Record<string, {low: number|null, high: number|null}>} */ ({});
    this.news2 = /** @type {News2|null} */ (null);
    this.waves = new SubjectWaves();
    this.beatAt = -Infinity;
  }
}

export class Ward {
  constructor() {
    /** @type {Map<string, Subject>} */
    this.subjects = new Map();
    /** @type {Map<number, Subject>} */
    this.byKey = new Map();
    this.metrics = /** @type {Record<string, Metric>} */ ({});
    this.gateway = /** @type {Record<string, any>} */ ({});
    /** Grows with the list of subjects. */
    this.version = 0;
    this.received = false;
  }

  /** @param {any} message a hello, an update, or an array with numbers only @param {number} nowMs */
  apply(message, nowMs) {
    if (Array.isArray(message)) {
      this.applyNumbers(message, nowMs);
      return;
    }
    const whole = message.type === "hello";
    if (whole) {
      this.received = true;
      this.gateway = message.gateway;
      this.metrics = message.metrics;
      for (const [name, metric] of Object.entries(this.metrics)) {
        if (known(`metric_${name}`)) metric.label = t(`metric_${name}`);
      }
      const present = new Set(message.subjects.map((/** @type {any} */ part) => part.id));
      for (const id of [...this.subjects.keys()]) if (!present.has(id)) this.remove(id);
    }
    for (const part of message.subjects) {
      if (part.removed) this.remove(part.id);
      else this.merge(part, whole, message.now, nowMs);
    }
  }

  /**
   * The short message of the lowest rung, as `live/numbers_only.py` draws it.
   * @param {any[]} message @param {number} nowMs
   */
  applyNumbers([now, subjects, changes], nowMs) {
    const names = Object.keys(this.metrics);
    for (const part of changes) {
      if (part.removed) this.remove(part.id);
      else this.merge(part, false, now, nowMs);
    }
    for (const [key, lag, values, again] of subjects) {
      const known = this.byKey.get(key)?.values;
      /** @param {number|string} place @param {object} update */
      const renew = (place, update) => {
        const name = names[Number(place)];
        if (known?.[name]) known[name] = { ...known[name], received: now, time: now - lag, ...update };
      };
      for (const place of again) renew(place, {});
      for (const [place, value] of Object.entries(values)) {
        renew(place, Array.isArray(value) ? { value: value[0], quality: value[1] } : { value });
      }
    }
  }

  /** @param {any} part @param {boolean} whole @param {number} sentMs @param {number} nowMs */
  merge(part, whole, sentMs, nowMs) {
    let subject = this.subjects.get(part.id);
    if (!subject || subject.key !== part.key) {
      if (subject) this.remove(part.id);
      subject = new Subject(part.id, part.key);
      this.subjects.set(part.id, subject);
      this.byKey.set(part.key, subject);
      this.version++;
    }
    for (const name of ["info", "alarms", "links", "limits", "news2", "events"]) {
      if (name in part) /** @type {any} */ (subject)[name] = part[name];
    }
    for (const each of [...(part.alarms ?? []), ...(part.events ?? [])]) each.text = translated(each.text);
    if (part.values) {
      const values = Object.entries(part.values).map(([name, value]) => [
        name,
        { ...USUAL, received: sentMs, .../** @type {object} */ (value) },
      ]);
      subject.values = { ...(whole ? {} : subject.values), ...Object.fromEntries(values) };
    }
    for (const [name, update] of Object.entries(part.updates ?? {})) {
      const known = { ...subject.values[name], received: sentMs, time: part.at };
      subject.values[name] = updated(known, /** @type {Record<string, any>} */ (update));
    }
    if (part.channels) subject.waves.describe(part.channels, whole);
    if (part.beats) subject.beatAt = nowMs;
  }

  /** @param {number} key @param {number} nowMs */
  beat(key, nowMs) {
    const subject = this.byKey.get(key);
    if (subject) subject.beatAt = nowMs;
  }

  /** @param {string} id */
  remove(id) {
    const subject = this.subjects.get(id);
    if (!subject) return;
    this.subjects.delete(id);
    this.byKey.delete(subject.key);
    this.version++;
  }

  /** Beds in the order of their names, numbers by value. */
  list() {
    const order = new Intl.Collator(undefined, { numeric: true });
    return [...this.subjects.values()].sort(
      (a, b) => order.compare(a.info.bed, b.info.bed) || order.compare(a.id, b.id),
    );
  }
}

/**
 * @param {Value} known @param {Record<string, any>} update fields that differ; null is the usual
 * @returns {Value}
 */
function updated(known, update) {
  const fields = Object.entries(update).map(([field, each]) => [
    field,
    each === null ? /** @type {Record<string, any>} */ (USUAL)[field] : each,
  ]);
  return { ...known, ...Object.fromEntries(fields) };
}

/**
 * What to show of one metric now: the only place that decides between a value and "--".
 * @param {Value | undefined} value @param {number} decimals @param {number} nowMs
 * @returns {Shown}
 */
export function present(value, decimals, nowMs) {
  if (!value) return { text: "--", state: "missing", note: "" };
  const silentMs = nowMs - value.received;
  const oldMs = nowMs - value.time;
  const validMs = value.valid * 1000;
  if (silentMs > validMs || oldMs > validMs + TRANSPORT_MS) {
    return { text: "--", state: "stale", note: ago(Math.max(silentMs, oldMs)) };
  }
  if (value.value === null) {
    return { text: "--", state: "withheld", note: reason(value.reason) };
  }
  const note = oldMs > AGE_SHOWN_MS ? ago(oldMs) : value.source === "manual" ? t("typed") : "";
  const poor = value.quality !== null && value.quality < POOR_QUALITY;
  return {
    text: value.value.toFixed(decimals),
    state: poor ? "poor" : "ok",
    note: poor ? t("poor_signal") : note,
  };
}

/** @param {string|null} text */
function reason(text) {
  const key = `reason_${text || "none"}`;
  return known(key) ? t(key) : translated(String(text).replaceAll("_", " "));
}

/**
 * Heart rate from the ECG, else the pulse rate of the oximeter.
 * @param {Subject} subject @param {number} nowMs @returns {{metric: string, shown: Shown}}
 */
export function heartRate(subject, nowMs) {
  const heart = present(subject.values.heart_rate, 0, nowMs);
  if (heart.state === "ok" || heart.state === "poor") return { metric: "heart_rate", shown: heart };
  const pulse = present(subject.values.pulse_rate, 0, nowMs);
  const usable = pulse.state === "ok" || pulse.state === "poor";
  return usable || (heart.state === "missing" && pulse.state !== "missing")
    ? { metric: "pulse_rate", shown: pulse }
    : { metric: "heart_rate", shown: heart };
}

/**
 * Blood pressure as one reading.
 * @param {Subject} subject @param {number} nowMs
 * @returns {{shown: Shown, mean: string, time: number|null}}
 */
export function bloodPressure(subject, nowMs) {
  const { nibp_systolic: systolic, nibp_diastolic: diastolic, nibp_mean: mean } = subject.values;
  const upper = present(systolic, 0, nowMs);
  const lower = present(diastolic, 0, nowMs);
  const middle = present(mean, 0, nowMs);
  const text = upper.text === "--" && lower.text === "--" ? "--" : `${upper.text}/${lower.text}`;
  return {
    shown: { ...upper, text },
    mean: middle.text === "--" ? "" : middle.text,
    time: systolic?.time ?? null,
  };
}

/** What the score is made of, in words. @param {string} name */
export function inputName(name) {
  const key = `input_${name}`;
  return known(key) ? t(key) : name.replaceAll("_", " ");
}

/**
 * How a NEWS2 result reads: the score, or what it lacks.
 * @param {News2|null} news2
 * @returns {{text: string, band: 0|1|2|3|null, title: string}}
 */
export function newsBadge(news2) {
  if (!news2) return { text: "NEWS –", band: null, title: t("news_none") };
  if (news2.not_applied) return { text: "NEWS –", band: null, title: translated(news2.not_applied) };
  const lacking = [...(news2.missing ?? []).map(inputName), ...(news2.stale ?? []).map((name) => t("news_old", { name: inputName(name) }))];
  if (news2.total === null || news2.total === undefined) {
    const names = lacking.join(", ");
    return {
      text: `NEWS ≥${news2.at_least ?? 0}`,
      band: null,
      title: t("news_incomplete", { names, n: news2.at_least ?? 0 }),
    };
  }
  const single = Object.values(news2.points ?? {}).includes(3);
  const band = news2.total >= 7 ? 3 : news2.total >= 5 ? 2 : news2.total >= 1 || single ? 1 : 0;
  return { text: `NEWS ${news2.total}`, band, title: t("news_total", { n: news2.total, risk: t(`risk_${news2.risk}`) }) };
}
