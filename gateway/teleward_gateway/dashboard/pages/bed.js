// @ts-check
/** The bedside monitor of one subject: traces, numerics, alarms, keys. */

import { AlarmList } from "../alarms/alarm_list.js";
import { MARKS, alarmClass, byUrgency, topAlarm } from "../alarms/priorities.js";
import { author, call, setAuthor } from "../core/api.js";
import { deviceName, linkText, shortTime, unitText } from "../i18n/format.js";
import { KeyMap, keyed } from "../core/keys.js";
import { Lazy } from "../core/lazy.js";
import { BLINK_MS, numericTiles } from "./numerics.js";
import { t } from "../i18n/words.js";
import { Shell, element, html, render } from "../core/shell.js";
import { rememberedFilter } from "../waves/chosen_filter.js";
import { filterName } from "../waves/ecg_filter.js";
import { Traces, channelLabel, colorOf } from "../waves/traces.js";

/** @typedef {import("../core/state.js").Subject} Subject */

/** 25 mm at the 96 px of a CSS inch: the sweep speed of paper, as far as a browser knows its screen. */
const PIXELS_PER_SECOND = 94.49;
const LOOK = {
  most: 5,
  background: "#07090c",
  lineWidth: 2,
  gap: 22,
  labelSpace: 24,
  pixelsPerSecond: PIXELS_PER_SECOND,
  longest: 20,
  calibrated: true,
};
const AUDIO_PAUSE_S = 120;
const EVENTS_SHOWN = 3;

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".traces canvas"));
const shell = new Shell([id], draw, () => subjectHere()?.info.bed ?? id,
  () => Math.min(LOOK.longest, canvas.clientWidth / PIXELS_PER_SECOND));
const alarmList = new AlarmList(shell, element("dialogs"));
const root = element("dialogs");
const limitsDialog = new Lazy(async () => new (await import("../alarms/limits.js")).LimitsDialog(shell, id, root));
const news2Dialog = new Lazy(async () => new (await import("./news2.js")).News2Dialog(shell, id, root));
const sourceDialog = new Lazy(async () => new (await import("./value_source.js")).SourceDialog(shell, id, root));
const noteDialog = new Lazy(async () => new (await import("./bed_note.js")).BedNote(id, root));
const exportDialog = new Lazy(async () => new (await import("./export.js")).ExportDialog(id, root, lastDay));
const filterDialog = new Lazy(
  async () =>
    new (await import("./ecg_filters.js")).EcgFilterDialog(root, (choice) => {
      for (const made of traces.values()) made.setFilter(choice);
    }),
);
for (const part of ["bar", "keys"]) element(part).replaceChildren();
/** @type {Map<string, Traces>} */
const traces = new Map();
let frozen = false;
let failure = "";
/** Whether the further keys are shown where they have no place of their own. */
let unfolded = false;

/** @returns {Subject | undefined} */
function subjectHere() {
  return shell.ward.subjects.get(id);
}

function draw() {
  const now = shell.stream.now();
  const subject = subjectHere();
  followSubject(subject);
  drawBar(subject);
  const empty = element("empty");
  const waves = subject?.waves.channels.size ?? 0;
  empty.hidden = waves > 0;
  if (shell.ward.received) {
    empty.textContent = subject ? t("no_waveform") : t("no_such_bed", { id });
  }
  const paused = (subject?.info.audio_pause ?? 0) > now;
  if (subject && now - subject.beatAt < BLINK_MS) setTimeout(() => shell.queueDraw(), BLINK_MS);
  render(subject ? numericTiles(subject, shell.ward.metrics, now) : html``, element("numerics"));
  drawEvents(subject);
  if (sourceDialog.made?.dialog.open) sourceDialog.made.draw();
  drawKeys(subject, paused, now);
  alarmList.draw();
}

/** @param {Subject | undefined} subject */
function drawBar(subject) {
  const alarm = topAlarm((subject?.alarms ?? []).filter((each) => each.priority !== "info"));
  const others = (subject?.alarms.length ?? 0) - 1;
  const { bed = id, label = "", detail = "" } = subject?.info ?? {};
  const who = [label === bed ? "" : label, detail].filter(Boolean).join(" · ");
  render(
    html`<a class="button back" data-needs="ward" href="/ward" aria-label=${t("back_to_ward")}>‹</a>
      <h1>${bed}</h1>
      ${who ? html`<span class="pill who">${who}</span>` : null}
      ${alarm
        ? html`<span id="message" class=${alarmClass(alarm)}
            ><b aria-hidden="true">${MARKS[alarm.priority]}</b><span>${alarm.text}</span>${others > 0
              ? html`<small>+${others}</small>`
              : null}</span
          >`
        : null}
      ${faults(subject)}<span class="space"></span>${shell.simulation(subject?.info.simulated ?? false)}
      ${shell.status()}`,
    element("bar"),
  );
}

/** The newest lines that devices reported, such as shocks. @param {Subject | undefined} subject */
function drawEvents(subject) {
  const newest = (subject?.events ?? []).slice(-EVENTS_SHOWN).reverse();
  render(
    newest.map(
      ({ device, text, time }) =>
        html`<li data-device=${device}><time>${shortTime(time)}</time> ${text}</li>`,
    ),
    element("events"),
  );
}

/** @param {Subject | undefined} subject */
function faults(subject) {
  const broken = Object.entries(subject?.links ?? {}).filter(([, link]) => link.state !== "streaming");
  return broken.map(
    ([device, link]) =>
      html`<span class="al tech" data-device=${device} data-state=${link.state}
        >${deviceName(subject?.links, device)}: ${linkText(link.state)}</span
      >`,
  );
}

/** @param {Subject | undefined} subject @param {boolean} paused @param {number} now */
function drawKeys(subject, paused, now) {
  const open = (subject?.alarms ?? []).filter((alarm) => alarm.presence !== "ack");
  const left = Math.ceil(((subject?.info.audio_pause ?? 0) - now) / 1000);
  render(
    html`${failure ? html`<p class="error" role="alert">${failure}</p>` : null}
      <button type="button" id="pause" data-needs="pause" aria-keyshortcuts="p" aria-pressed=${String(paused)} ?disabled=${!subject} @click=${pauseAudio}>
        ${paused ? t("audio_paused", { n: left }) : keyed(t("audio_pause"), "p")}
      </button>
      <button type="button" id="acknowledge" data-needs="acknowledge" aria-keyshortcuts="a" ?disabled=${!open.length} @click=${acknowledge}>
        ${keyed(t("acknowledge"), "a")}${open.length > 1 ? html` <b>${open.length}</b>` : ""}
      </button>
      ${alarmList.button()} ${shell.soundButton()}
      <button type="button" id="more" aria-expanded=${String(unfolded)} aria-controls="further" @click=${() => unfold(!unfolded)}>${t("menu")}</button>
      <div id="further" role="group" aria-label=${t("key_menu")} ?data-open=${unfolded} @click=${() => unfold(false)}>
      <button type="button" id="freeze" aria-keyshortcuts="f" aria-pressed=${String(frozen)} @click=${freeze}>
        ${frozen ? t("run") : keyed(t("freeze"), "f")}
      </button>
      <button type="button" id="news2" aria-keyshortcuts="n" ?disabled=${!subject} @click=${() => attempt(() => news2Dialog.open())}>
        ${keyed(t("news2_entry"), "n")}
      </button>
      <a class="button" id="trends" aria-keyshortcuts="t" href=${pageOf("trends")}>${keyed(t("trends"), "t")}</a>
      <a class="button" id="chart" aria-keyshortcuts="c" href=${pageOf("news2")}>${keyed(t("news2_chart"), "c")}</a>
      <button type="button" id="note" aria-keyshortcuts="o" ?disabled=${!subject} @click=${() => attempt(() => noteDialog.open())}>
        ${keyed(t("note"), "o")}
      </button>
      ${startableCuff(subject) ? html`<button type="button" id="measure" aria-keyshortcuts="m" @click=${measure}>${keyed(t("measure"), "m")}</button>` : null}
      <button type="button" id="limits" aria-keyshortcuts="l" ?disabled=${!subject} @click=${() => attempt(() => limitsDialog.open())}>
        ${keyed(t("limits"), "l")}
      </button>
      <a class="button" id="strip" aria-keyshortcuts="i" href=${pageOf("strip")}>${keyed(t("strip"), "i")}</a>
      <button type="button" id="filter" aria-keyshortcuts="e" @click=${() => attempt(() => filterDialog.open())}>
        ${keyed(t("ecg_filter"), "e")}
      </button>
      <button type="button" id="export" data-needs="export" aria-keyshortcuts="x" ?disabled=${!subject} @click=${() => attempt(() => exportDialog.open())}>
        ${keyed(t("export"), "x")}
      </button>
      <button type="button" id="fullscreen" aria-keyshortcuts="u" @click=${fullScreen}>
        ${keyed(t("full_screen"), "u")}
      </button>
      <button type="button" id="key-list" @click=${() => keys.open()}>${keyed(t("keys"), "?")}</button>
      </div>`,
    element("keys"),
  );
}

/** @returns {[number, number]} the last 24 hours, ms */
function lastDay() {
  const now = shell.stream.now();
  return [now - 86400e3, now];
}

/** @param {boolean} open */
function unfold(open) {
  unfolded = open;
  shell.queueDraw();
}

/** @param {string} name @returns {string} address of a page behind this bed */
function pageOf(name) {
  return `/bed/${encodeURIComponent(id)}/${name}`;
}

/** @param {() => Promise<unknown>} action */
async function attempt(action) {
  try {
    await action();
    failure = "";
  } catch (error) {
    failure = /** @type {Error} */ (error).message;
  }
  shell.queueDraw();
}

function who() {
  const name = author() || "bedside";
  setAuthor(name);
  return name;
}

function pauseAudio() {
  const paused = (subjectHere()?.info.audio_pause ?? 0) > shell.stream.now();
  const body = { author: who(), duration_s: paused ? 0 : AUDIO_PAUSE_S };
  return attempt(() => call("POST", `/subjects/${encodeURIComponent(id)}/audio-pause`, body));
}

/** Acknowledge everything on this bed, most urgent first. */
function acknowledge() {
  const open = (subjectHere()?.alarms ?? []).filter((alarm) => alarm.presence !== "ack").sort(byUrgency);
  return attempt(async () => {
    for (const { condition, since } of open) {
      const body = { subject: id, condition, author: who(), since_ns: since * 1e6 };
      await call("POST", "/alarms/acknowledge", body);
    }
  });
}

/** A cuff that can be started from here: that of the last reading, else one that has not read yet.
 * @param {Subject | undefined} subject @returns {string | null} */
function startableCuff(subject) {
  const ready = Object.entries(subject?.links ?? {}).filter(([, link]) => link.cuff && link.state === "streaming");
  const last = subject?.values.nibp_systolic?.device;
  return (ready.find(([device]) => device === last) ?? ready[0])?.[0] ?? null;
}

function measure() {
  const device = startableCuff(subjectHere());
  const order = { author: who(), arguments: { metric: "nibp_systolic" } };
  return device ? attempt(() => call("POST", `/devices/${encodeURIComponent(device)}/commands/measure`, order)) : undefined;
}

function freeze() {
  frozen = !frozen;
  element("frozen").hidden = !frozen;
  shell.queueDraw();
}

async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen();
}

/** @param {Subject | undefined} subject */
function followSubject(subject) {
  const former = traces.get(id);
  if (former?.subject === subject) return;
  traces.clear();
  if (former) endStay();
  if (!subject) return;
  const made = new Traces(canvas, subject, LOOK);
  made.onLayout = () => placeLabels(made);
  made.filter = rememberedFilter();
  made.resize();
  traces.set(id, made);
}

/** Nothing of a stay that ended is shown, or can be saved, any more. */
function endStay() {
  for (const dialog of document.querySelectorAll("dialog[open]")) {
    /** @type {HTMLDialogElement} */ (dialog).close();
  }
  if (frozen) freeze();
  failure = "";
  element("labels").replaceChildren();
  canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
}

/** A phone has room for the name of the filter, not for its edges. @param {string} filter */
function ecgLabel(/** @type {string} */ scale, /** @type {string} */ rate, filter) {
  const [band, notch] = filter.split(" · ");
  const [english, ...edges] = band.split(" ");
  const name = t(`band_${english.toLowerCase()}`);
  return html`${scale}<span class="wide"> · ${rate}</span> · ${name}<span class="wide"> ${edges.join(" ")}</span
    >${notch ? ` · ${notch.replace("notch", t("band_notch"))}` : ""}`;
}

/** @param {Traces} made */
function placeLabels(made) {
  const { ratio } = made;
  element("labels").replaceChildren(
    ...made.sweep.lanes.map((lane) => {
      const label = document.createElement("div");
      const { metric, unit, fs } = lane.channel.description;
      label.className = "lane-label";
      label.dataset.channel = metric;
      label.style.top = `${lane.top / ratio - 21}px`;
      label.style.color = `var(${colorOf(metric)})`;
      label.textContent = channelLabel(made.subject, lane.channel);
      const small = document.createElement("small");
      const gain = lane.unitPixels ? (lane.unitPixels / ratio / PIXELS_PER_SECOND) * 25 : 0;
      const scale = gain ? `25 mm/s · ${gain.toFixed(gain < 10 ? 1 : 0).replace(".0", "")} mm/mV` : unit === "1" ? "" : unitText(unit);
      const rate = `${Number(fs.toFixed(1))} Hz`;
      if (metric.startsWith("ecg")) render(ecgLabel(scale, rate, filterName(made.filter, fs)), small);
      else small.textContent = [scale, rate].filter(Boolean).join(" · ");
      label.append(small);
      return label;
    }),
  );
}

element("numerics").addEventListener("click", ({ target }) => {
  const about = /** @type {Element} */ (target).closest("[data-about]");
  if (about instanceof HTMLElement) void attempt(() => sourceDialog.open(about.dataset.about ?? ""));
});
new ResizeObserver(() => traces.forEach((made) => made.resize())).observe(canvas);
let scales = "";
shell.frames.push((now) => {
  if (frozen) return;
  for (const made of traces.values()) {
    shell.statistics.noteDrawn(now, made.frame(now));
    const shown = made.sweep.lanes.map((lane) => lane.unitPixels).join();
    if (shown !== scales) {
      scales = shown;
      placeLabels(made);
    }
  }
});
const keys = new KeyMap(element("dialogs"), [
  { key: "p", text: t("key_pause"), act: pauseAudio },
  { key: "a", text: t("key_acknowledge"), act: acknowledge },
  { key: "f", text: t("key_freeze"), act: freeze },
  { key: "n", text: t("key_news2"), act: () => subjectHere() && attempt(() => news2Dialog.open()) },
  { key: "t", text: t("key_trends"), act: () => location.assign(pageOf("trends")) },
  { key: "c", text: t("key_chart"), act: () => location.assign(pageOf("news2")) },
  { key: "x", text: t("key_export"), act: () => subjectHere() && attempt(() => exportDialog.open()) },
  { key: "o", text: t("key_note"), act: () => subjectHere() && attempt(() => noteDialog.open()) },
  { key: "m", text: t("key_measure"), act: measure },
  { key: "l", text: t("key_limits"), act: () => subjectHere() && attempt(() => limitsDialog.open()) },
  { key: "i", text: t("key_strip"), act: () => location.assign(pageOf("strip")) },
  { key: "e", text: t("key_filter"), act: () => attempt(() => filterDialog.open()) },
  { key: "r", text: t("key_alarms"), act: () => alarmList.open() },
  { key: "s", text: t("key_sound"), act: () => shell.sound.toggle() },
  { key: "u", text: t("key_full"), act: fullScreen },
]);
addEventListener("keydown", ({ key }) => key === "Escape" && unfolded && unfold(false));
addEventListener("pointerdown", ({ target }) => {
  if (unfolded && !(/** @type {Element} */ (target).closest("#keys"))) unfold(false);
});
/** Benchmarks and tests look at the page through this. */
Object.assign(window, { teleward: { shell, traces } });
