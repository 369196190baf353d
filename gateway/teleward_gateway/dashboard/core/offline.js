// @ts-check
/**
 * What a page does while the gateway cannot be reached: its files are kept by a service worker, and
 * the last known state is shown apart from everything that is live, with its age.
 *
 * Browsers have service workers under HTTPS and on the gateway's own machine only.
 *
 * @typedef {object} KnownBed
 * @property {string} bed @property {string} who @property {string[]} alarms
 * @property {Record<string, string>} values  text with its unit by label
 * @property {number} at  gateway's time in ms
 */

import { html, render } from "../vendor/lit-html.js";
import { age, clockTime } from "../i18n/format.js";
import { t } from "../i18n/words.js";
import { person } from "./me.js";
import { bloodPressure, present } from "./state.js";

/** @typedef {import("./state.js").Ward} Ward */
/** @typedef {import("./state.js").Subject} Subject */

const KNOWN = "teleward.last-known";
const SAVED_MS = 10_000;
/** An older state helps nobody, and people's names do not stay for longer. */
const OLDEST_MS = 86_400_000;
/** A page that just opens is not offline. */
const OPENING_MS = 2500;
const SHOWN = ["heart_rate", "pulse_rate", "spo2", "respiratory_rate", "etco2", "body_temperature"];

/** Have the page's files kept, where the browser can. @param {() => void} done once they are */
export async function keepFiles(done) {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  try {
    await workers.register("/service-worker.js", { scope: "/" });
    const { active } = await workers.ready;
    workers.addEventListener("message", done);
    const files = performance.getEntriesByType("resource").map(({ name }) => name);
    active?.postMessage({ files: [location.href, ...files] });
  } catch {
    // a certificate that was only clicked through: the page works, and does not open offline
  }
}

export class LastKnown {
  /** @param {boolean} whole whether the page shows every bed */
  constructor(whole) {
    this.whole = whole;
    this.openedAt = performance.now();
    this.savedAt = -Infinity;
    /** @type {HTMLElement | null} */
    this.panel = null;
  }

  /** @param {Ward} ward @param {number} nowMs the gateway's time @param {boolean} live */
  tick(ward, nowMs, live) {
    // names of patients do not outlast a login
    if (person().role === "nobody") localStorage.removeItem(KNOWN);
    if (ward.received) {
      this.panel?.remove();
      this.panel = null;
      if (live && navigator.serviceWorker && performance.now() - this.savedAt > SAVED_MS) this.save(ward, nowMs);
    } else if (!live && performance.now() - this.openedAt > OPENING_MS) this.show(nowMs);
  }

  /** @param {Ward} ward @param {number} nowMs */
  save(ward, nowMs) {
    this.savedAt = performance.now();
    const before = this.whole ? {} : read(nowMs);
    const beds = Object.fromEntries(ward.list().map((subject) => [subject.id, knownBed(subject, ward, nowMs)]));
    localStorage.setItem(KNOWN, JSON.stringify({ ...before, ...beds }));
  }

  /** @param {number} nowMs */
  show(nowMs) {
    if (!this.panel) {
      this.panel = document.createElement("section");
      this.panel.id = "last-known";
      this.panel.setAttribute("aria-label", t("last_known"));
      document.querySelector("main")?.prepend(this.panel);
    }
    const id = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
    const beds = Object.entries(read(nowMs)).filter(([subject]) => this.whole || subject === id);
    render(panel(beds.map(([, bed]) => bed), nowMs), this.panel);
  }
}

/** @param {Subject} subject @param {Ward} ward @param {number} nowMs @returns {KnownBed} */
function knownBed(subject, ward, nowMs) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const metric of SHOWN) {
    const { label = metric, decimals = 0 } = ward.metrics[metric] ?? {};
    const { text, state } = present(subject.values[metric], decimals, nowMs);
    if (state === "ok" || state === "poor") values[label] = text;
  }
  const { shown } = bloodPressure(subject, nowMs);
  if (shown.state === "ok") values.BP = shown.text;
  const { bed, label, detail } = subject.info;
  const who = [label === bed ? "" : label, detail].filter(Boolean).join(" · ");
  return { bed, who, values, alarms: subject.alarms.map(({ text }) => text), at: nowMs };
}

/** @param {number} nowMs @returns {Record<string, KnownBed>} what was saved within a day */
function read(nowMs) {
  try {
    const known = Object.entries(JSON.parse(localStorage.getItem(KNOWN) ?? "{}"));
    return Object.fromEntries(known.filter(([, bed]) => nowMs - bed.at < OLDEST_MS));
  } catch {
    return {};
  }
}

/** @param {KnownBed[]} beds @param {number} nowMs */
function panel(beds, nowMs) {
  if (!beds.length) return html`<h2>${t("unreachable")}</h2><p>${t("unreachable_nothing")}</p>`;
  return html`<h2>${t("not_live")}</h2>
    <p>${t("last_known_text")}</p>
    <ul>
      ${beds.map(
        ({ bed, who, values, alarms, at }) => html`<li>
          <h3>${bed} <small>${who}</small></h3>
          <p class="when">${t("old_of", { age: age(nowMs - at), time: clockTime(at) })}</p>
          <dl>${Object.entries(values).map(([label, text]) => html`<div><dt>${label}</dt><dd>${text}</dd></div>`)}</dl>
          ${alarms.length ? html`<p>${t("alarms_then", { texts: alarms.join("; ") })}</p>` : null}
        </li>`,
      )}
    </ul>`;
}
