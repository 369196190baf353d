// @ts-check
/** The central station: every bed of the gateway on one screen. */

import { repeat } from "../vendor/directives/repeat.js";
import { MARKS, alarmClass, metricPriority, tilePriority, topAlarm } from "../alarms/priorities.js";
import { Shell, element, html, nothing, render } from "../core/shell.js";
import { bloodPressure, heartRate, newsBadge, present } from "../core/state.js";
import { Traces, channelLabel, colorOf } from "../waves/traces.js";
import { KeyMap } from "../core/keys.js";
import { deviceName, linkText } from "../i18n/format.js";
import { t } from "../i18n/words.js";
import { WardPages } from "./ward_pages.js";
import { AlarmList } from "../alarms/alarm_list.js";
import { WardSilence } from "../alarms/silence.js";
import { watchSettings } from "../core/settings_mistakes.js";

/** @typedef {import("../core/state.js").Subject} Subject */
/** @typedef {import("../core/state.js").Shown} Shown */

const LOOK = {
  most: 3,
  background: "#0e1319",
  lineWidth: 1.4,
  gap: 14,
  labelSpace: 9,
  pixelsPerSecond: 55,
  longest: 12,
  calibrated: false,
};

/** @type {Shell} */
const shell = new Shell([], draw, () => shell.ward.gateway.ward ?? t("ward"),
  () => Math.min(LOOK.longest, innerWidth / LOOK.pixelsPerSecond));
const alarmList = new AlarmList(shell, element("dialogs"));
const silence = new WardSilence(shell);
const pages = new WardPages(() => shell.queueDraw());
element("bar").replaceChildren();
/** @type {Map<string, Traces>} */
const traces = new Map();
let opened = false;
const EMPTY = html`<span>${t("no_patient")}</span>
  <a class="button" data-needs="admit" href="/devices">${t("admit_link")}</a>`;

/** @param {string} kind @param {string} metric @param {string} label @param {Shown} shown
 * @param {string} alarm @param {string} [mean] of a pressure */
function numeric(kind, metric, label, shown, alarm, mean = "") {
  const note = shown.state === "ok" ? "" : shown.note;
  const since = shown.state === "ok" && kind === "bp" ? shown.note : "";
  return html`<div
    class=${kind}
    data-metric=${metric}
    data-state=${shown.state}
    data-alarm=${alarm || nothing}
  >
    <dt>${label}${since ? html` <small>${since}</small>` : null}</dt>
    <dd class="value">${shown.text}</dd>
    ${mean ? html`<dd class="mean" data-metric="nibp_mean">${t("mean", { n: mean })}</dd>` : null}
    ${note ? html`<dd class="note">${note}</dd>` : null}
  </div>`;
}

/** @param {Subject} subject @param {number} now */
function numerics(subject, now) {
  const { alarms, values } = subject;
  const rate = heartRate(subject, now);
  const pressure = bloodPressure(subject, now);
  const temperature = present(values.body_temperature, 1, now);
  return html`<dl>
    ${numeric("hr", rate.metric, rate.metric === "heart_rate" ? "HR" : "PR", rate.shown,
      metricPriority(alarms, "heart_rate", "pulse_rate"))}
    ${numeric("spo2", "spo2", "SpO₂", present(values.spo2, 0, now), metricPriority(alarms, "spo2"))}
    ${numeric("rr", "respiratory_rate", "RR", present(values.respiratory_rate, 0, now),
      metricPriority(alarms, "respiratory_rate"))}
    ${values.etco2
      ? numeric("co2", "etco2", "EtCO₂", present(values.etco2, 0, now), metricPriority(alarms, "etco2"))
      : null}
    ${numeric("bp", "nibp", "BP", pressure.shown,
      metricPriority(alarms, "nibp_systolic", "nibp_diastolic", "nibp_mean"), pressure.mean)}
    ${numeric("temp", "body_temperature", "Temp", temperature,
      metricPriority(alarms, "body_temperature"))}
  </dl>`;
}

/** @param {Subject} subject */
function linkFault(subject) {
  const faults = Object.entries(subject.links).filter(([, link]) => link.state !== "streaming");
  if (!faults.length) return null;
  const [device, link] = faults[0];
  const more = faults.length > 1 ? ` +${faults.length - 1}` : "";
  const name = deviceName(subject.links, device);
  return html`<span class="al tech link"><span>${name}: ${linkText(link.state)}${more}</span></span>`;
}

/** @param {Subject} subject @param {number} now */
function tile(subject, now) {
  const { info } = subject;
  const alarm = topAlarm(subject.alarms.filter((each) => each.priority !== "info"));
  const news = newsBadge(subject.news2);
  const who = info.label === info.bed ? "" : info.label;
  const paused = (info.audio_pause ?? 0) > now;
  const fault = linkFault(subject);
  return html`<li class="tile" data-subject=${subject.id} data-priority=${tilePriority(subject.alarms)}>
    <header>
      <h3><a href="/bed/${encodeURIComponent(subject.id)}">${info.bed}</a></h3>
      <span class="who">${who}</span>
      <span class="detail">${info.detail}</span>
      ${paused ? html`<span class="paused" title=${t("audio_paused_title")}>🔇</span>` : null}
      <span class="news" data-band=${news.band ?? nothing} title=${news.title}
        >${news.text}</span
      >
      ${alarm || fault
        ? html`<div class="message">
            ${alarm
              ? html`<span class=${alarmClass(alarm)}
                  ><b aria-hidden="true">${MARKS[alarm.priority]}</b><span>${alarm.text}</span></span
                >`
              : null}${fault}
          </div>`
        : null}
    </header>
    <div class="traces">
      <canvas role="img" aria-label=${t("live_traces_of", { bed: info.bed })}></canvas>
      <div class="labels" aria-hidden="true"></div>
    </div>
    ${numerics(subject, now)}
  </li>`;
}

/** @param {Subject} subject */
const idOf = (subject) => subject.id;

function draw() {
  const now = shell.stream.now();
  const { ward } = shell;
  const everybody = ward.list();
  const subjects = pages.choose(everybody);
  const simulated = everybody.some((subject) => subject.info.simulated);
  render(
    html`<h1>${ward.gateway.ward ?? t("ward")}</h1>
      ${shell.simulation(simulated)}<span class="space"></span>${shell.status()}
      <a class="button" data-needs="devices" href="/devices">${t("devices")}</a>
      <a class="button" data-needs="gateway" href="/gateway">${t("gateway")}</a>
      <a class="button" data-needs="accounts" id="accounts" href="/accounts">${t("accounts")}</a>${alarmList.button()} ${silence.button()}
      ${shell.soundButton()}`,
    element("bar"),
  );
  render(pages.controls(everybody.length), element("turns"));
  render(html`${repeat(subjects, idOf, (/** @type {Subject} */ subject) => tile(subject, now))}`, element("beds"));
  const empty = element("empty");
  empty.hidden = everybody.length > 0;
  if (ward.received && !opened) {
    empty.replaceChildren();
    opened = true;
  }
  if (ward.received) render(EMPTY, empty);
  followCanvases(subjects);
  alarmList.draw();
}

/** @param {Subject[]} subjects */
function followCanvases(subjects) {
  for (const [id, made] of [...traces]) {
    if (subjects.some((subject) => subject.id === id)) continue;
    sizes.unobserve(made.canvas);
    traces.delete(id);
  }
  for (const subject of subjects) {
    const selector = `[data-subject="${CSS.escape(subject.id)}"] canvas`;
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(selector));
    const known = traces.get(subject.id);
    if (known && known.canvas === canvas && known.subject === subject) continue;
    const made = new Traces(canvas, subject, LOOK);
    made.onLayout = () => placeLabels(made);
    made.resize();
    if (known) sizes.unobserve(known.canvas);
    sizes.observe(canvas);
    traces.set(subject.id, made);
  }
}

/** @param {Traces} made */
function placeLabels(made) {
  const place = /** @type {HTMLElement} */ (made.canvas.nextElementSibling);
  const { ratio } = made;
  place.replaceChildren(
    ...made.sweep.lanes.map((lane) => {
      const label = document.createElement("span");
      label.className = "lane-label";
      label.textContent = channelLabel(made.subject, lane.channel);
      label.style.top = `${lane.top / ratio - 8}px`;
      label.style.color = `var(${colorOf(lane.channel.description.metric)})`;
      return label;
    }),
  );
}

const sizes = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    for (const made of traces.values()) if (made.canvas === target) made.resize();
  }
});
new KeyMap(element("dialogs"), [
  { key: "i", text: t("key_silence"), act: () => silence.press() },
  { key: "r", text: t("key_alarms"), act: () => alarmList.open() },
  { key: "s", text: t("key_sound"), act: () => shell.sound.toggle() },
]);
shell.frames.push((now) =>
  traces.forEach((made) => shell.statistics.noteDrawn(now, made.frame(now))),
);
setInterval(() => {
  const lanes = [...traces.values()].reduce((sum, made) => sum + made.sweep.lanes.length, 0);
  element("figures").textContent = t("figures", { beds: shell.ward.subjects.size, traces: lanes });
}, 1000);
watchSettings(element("mistakes"));
/** Benchmarks and tests look at the page through this. */
Object.assign(window, { teleward: { shell, traces } });
