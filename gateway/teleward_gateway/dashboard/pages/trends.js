// @ts-check
/** Trends of one subject: an hour to a month as lines or as a table, with what happened beside. */

import { KeyMap, keyed } from "../core/keys.js";
import { bedBar } from "../core/bed_bar.js";
import { Shell, element, html, render } from "../core/shell.js";
import { catalogueOf } from "../i18n/words.js";
import { unitText } from "../i18n/format.js";
import { NoteDialog, isLine, readMarks } from "../trends/marks.js";
import { Plots, kindsOf } from "../trends/plots.js";
import { LONGEST_TIMELINE_MS, NAMES, Range } from "../trends/ranges.js";
import { nanoseconds, readGrid } from "../trends/series.js";
import { eventText, table } from "../trends/table.js";
import { dayAndTime, stretch, timeIn } from "../trends/times.js";

/** @typedef {import("../trends/plots.js").Kind} Kind */

/** The last page of the rungs: this page draws no live waves. */
const NUMBERS_ONLY = 2;
const LEAST_REFRESH_MS = 10e3;
const POINTS = 480;

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const words = await catalogueOf("charts");
const t = words.text.bind(words);
const range = new Range(new URLSearchParams(location.search));
const shell = new Shell([id], () => drawBar(), () => t("page_trends"), () => 0, NUMBERS_ONLY);
const notes = new NoteDialog(id, element("dialogs"), words, () => void read());
for (const part of ["bar", "tools"]) element(part).replaceChildren();
element("notice").textContent = t("not_a_device");
element("lines").setAttribute("aria-label", t("plots"));

/** @type {import("../trends/series.js").Grid | null} */
let grid = null;
/** @type {import("../trends/marks.js").Mark[]} */
let marks = [];
/** @type {[number, number]} */
let span = [0, 0];
/** @type {Kind[]} */
let kinds = [];
/** The bucket under the cursor; null: the newest values. @type {number | null} */
let pointed = null;
let failure = "";
let readAt = -Infinity;
let reading = false;

const plots = new Plots(element("lines"), /** @type {any} */ ({}));

function subjectHere() {
  return shell.ward.subjects.get(id);
}

function drawBar() {
  render(bedBar(shell, id, t, "trends"), element("bar"));
  if (!shell.ward.received) return;
  const due = Math.max(LEAST_REFRESH_MS, grid?.stepMs ?? 0);
  const follows = range.end === null && !document.hidden && performance.now() - readAt > due;
  if (!grid ? !reading && readAt < 0 : follows && pointed === null) void read();
}

async function read() {
  if (reading) return;
  reading = true;
  readAt = performance.now();
  const now = shell.stream.now();
  const [start, end] = range.at(now);
  try {
    const shown = Object.keys(subjectHere()?.values ?? {});
    const points = Math.min(POINTS, Math.max(120, element("lines").clientWidth / 2));
    const [found, happened] = await Promise.all([
      readGrid(id, shown, start, end, Math.round(points)),
      readMarks(id, Math.max(start, end - LONGEST_TIMELINE_MS + 1000), end),
    ]);
    [grid, marks, span, failure] = [found, happened, [start, end], ""];
  } catch (error) {
    failure = words.refusal(error);
  }
  reading = false;
  pointed = null;
  draw();
}

/** Change what is shown, and show it. @param {() => unknown} change */
function go(change) {
  change();
  range.write();
  void read();
}

/** @param {"lines"|"table"} view */
function show(view) {
  range.view = view;
  range.write();
  draw();
}

function draw() {
  drawTools();
  drawState();
  if (!grid) return;
  kinds = kindsOf(grid);
  const lines = range.view === "lines";
  element("lines").hidden = !lines || !kinds.length;
  element("table-view").hidden = lines || !kinds.length;
  if (lines) drawLines();
  else {
    const metrics = kinds.flatMap((kind) => kind.metrics);
    render(table(grid, marks, metrics, shell.ward.metrics, range.length, t, unitText), element("table-view"));
  }
  drawHappened();
}

function drawLines() {
  const subject = subjectHere();
  Object.assign(plots.context, {
    grid,
    marks,
    limits: subject?.limits ?? {},
    values: subject?.values ?? {},
    span,
    pointed: (/** @type {number | null} */ place) => ((pointed = place), drawReadouts()),
    zoomed: (/** @type {number} */ from, /** @type {number} */ to) => go(() => range.zoom(from, to)),
  });
  const times = grid?.times ?? [];
  render(
    html`<label class="pointer"
        ><span class="hidden-text">${t("pointer")}</span>
        <input id="pointer" type="range" min="0" max=${times.length - 1} .value=${String(times.length - 1)} @input=${point} />
        <output id="pointed"></output>
      </label>
      ${kinds.map(
        (kind) => html`<figure data-plot=${kind.name}>
          <figcaption><span class="readout" data-kind=${kind.name}></span></figcaption>
          <div class="plot" role="img" aria-label=${t("plot_of", { what: kindLabel(kind) })}></div>
        </figure>`,
      )}`,
    element("lines"),
  );
  plots.draw(kinds, (kind) => /** @type {HTMLElement} */ (document.querySelector(`[data-plot="${kind.name}"] .plot`)));
  drawReadouts();
}

/** @param {Event} event of the slider */
function point({ target }) {
  const place = Number(/** @type {HTMLInputElement} */ (target).value);
  plots.point(place);
  pointed = place;
  drawReadouts();
}

/** @param {Kind} kind */
function kindLabel(kind) {
  if (kind.bars) return t("nibp");
  if (kind.name === "arterial") return t("arterial");
  return shell.ward.metrics[kind.metrics[0]]?.label ?? kind.metrics[0];
}

/** Values under the cursor, else the newest ones. */
function drawReadouts() {
  if (!grid) return;
  const at = pointed;
  const texts = kinds.map((kind) => `${kindLabel(kind)} ${readout(kind, at)}`);
  const time = at === null ? t("newest") : dayAndTime(grid.times[at]);
  kinds.forEach((kind) => {
    const unit = unitText(shell.ward.metrics[kind.metrics[0]]?.unit ?? "");
    const place = /** @type {HTMLElement} */ (document.querySelector(`.readout[data-kind="${kind.name}"]`));
    if (place) render(html`<b data-kind=${kind.name}>${kindLabel(kind)}</b> <output>${readout(kind, at)}</output> <small>${unit}</small>`, place);
  });
  element("pointed").textContent = time;
  element("pointer").setAttribute("aria-valuetext", `${time}: ${texts.join(", ")}`);
}

/** @param {Kind} kind @param {number | null} at a bucket; null for the newest value */
function readout(kind, at) {
  const found = kind.metrics.map((name) => {
    const series = /** @type {import("../trends/series.js").Series} */ (grid?.series.get(name));
    const place = at ?? series.mean.findLastIndex((value) => value !== null);
    const decimals = shell.ward.metrics[name]?.decimals ?? 0;
    const [mean, low, high] = [series.mean, series.low, series.high].map((column) => column[place]?.toFixed(decimals));
    return mean === undefined ? null : { mean, low, high };
  });
  if (!found[0]) return "--";
  if (kind.metrics.length === 3) return `${found[0].mean}/${found[2]?.mean ?? "--"} (${found[1]?.mean ?? "--"})`;
  const { mean, low, high } = found[0];
  return low === high ? mean : `${mean} (${low}–${high})`;
}

function drawState() {
  const texts = [];
  if (failure) texts.push(failure);
  else if (!grid) texts.push(t("reading"));
  else if (!kindsOf(grid).length) texts.push(t("nothing"));
  if (grid && !grid.complete) texts.push(t("incomplete"));
  if (range.length > LONGEST_TIMELINE_MS) texts.push(t("short_timeline"));
  element("state").textContent = texts.join(" ");
  element("state").classList.toggle("error", Boolean(failure));
}

function drawHappened() {
  const listed = [...marks].reverse();
  render(
    html`<h2>${t("happened")}</h2>
      ${listed.length
        ? html`<ul>
            ${listed.map(
              (mark) => html`<li data-kind=${mark.kind}>
                <time>${timeIn(mark.time, range.length)}${mark.until === null ? "" : `–${timeIn(mark.until, 0)}`}</time>
                <span class="dot ${isLine(mark) ? "" : (mark.priority ?? "")}" aria-hidden="true"></span>
                <span>${eventText(mark, t)}${mark.kind === "alarm" && mark.until === null ? ` · ${t("goes_on")}` : ""}</span>
              </li>`,
            )}
          </ul>`
        : html`<p class="quiet">${t("nothing_happened")}</p>`}`,
    element("happened"),
  );
}

function drawTools() {
  const [start, end] = range.at(shell.stream.now());
  const chosen = range.name();
  const lines = range.view === "lines";
  render(
    html`<div class="seg" role="group" aria-label=${t("length")}>
        ${NAMES.map(
          (name, i) => html`<button type="button" data-range=${name} aria-pressed=${String(name === chosen)} aria-keyshortcuts=${i + 1} @click=${() => go(() => range.choose(name))}>
            ${t(`length_${name}`)}
          </button>`,
        )}
      </div>
      <div class="seg" role="group" aria-label=${t("moving")}>
        <button type="button" id="earlier" aria-label=${t("earlier")} aria-keyshortcuts="ArrowLeft" @click=${earlier}>‹</button>
        <button type="button" id="now" aria-keyshortcuts="0" aria-pressed=${String(range.end === null)} @click=${present}>${t("now")}</button>
        <button type="button" id="later" aria-label=${t("later")} aria-keyshortcuts="ArrowRight" ?disabled=${range.end === null} @click=${later}>›</button>
      </div>
      <span class="stretch">${stretch(start, end)}</span>
      <span class="space"></span>
      <div class="seg" role="group" aria-label=${t("view")}>
        <button type="button" id="view-lines" aria-pressed=${String(lines)} aria-keyshortcuts="l" @click=${() => show("lines")}>${keyed(t("lines"), "l")}</button>
        <button type="button" id="view-table" aria-pressed=${String(!lines)} aria-keyshortcuts="t" @click=${() => show("table")}>${keyed(t("table"), "t")}</button>
      </div>
      <button type="button" id="note" aria-keyshortcuts="n" @click=${note}>${keyed(t("note"), "n")}</button>
      <a class="button" id="download" aria-keyshortcuts="d" download href=${csvAddress(start, end)}>${keyed(t("download"), "d")}</a>
      <button type="button" id="export" data-needs="export" aria-keyshortcuts="x" @click=${openExport}>${keyed(t("export"), "x")}</button>
      <button type="button" id="print" aria-keyshortcuts="p" @click=${() => print()}>${keyed(t("print"), "p")}</button>
      <button type="button" id="keys" aria-keyshortcuts="?" aria-label=${t("keys")} @click=${() => keys.open()}>?</button>`,
    element("tools"),
  );
}

/** @param {number} start @param {number} end ms */
function csvAddress(start, end) {
  const query = new URLSearchParams({ start_ns: nanoseconds(start), end_ns: nanoseconds(end), points: String(POINTS) });
  return `/api/v1/subjects/${encodeURIComponent(id)}/trends.csv?${query}`;
}

function note() {
  const at = pointed === null || !grid ? null : Math.max(grid.times[pointed], span[0]);
  notes.about(at, at === null ? "" : dayAndTime(at));
}

/** @type {import("./export.js").ExportDialog | null} */
let exporting = null;

async function openExport() {
  const { ExportDialog } = await import("./export.js");
  exporting ??= new ExportDialog(id, element("dialogs"), () => range.at(shell.stream.now()));
  exporting.open();
}

const earlier = () => go(() => range.move(-1, shell.stream.now()));
const later = () => go(() => range.move(1, shell.stream.now()));
const present = () => go(() => (range.end = null));

const keys = new KeyMap(
  element("dialogs"),
  [
    ...NAMES.map((name, i) => ({ key: String(i + 1), text: t(`length_${name}`), act: () => go(() => range.choose(name)) })),
    { key: "ArrowLeft", text: t("earlier"), act: earlier },
    { key: "ArrowRight", text: t("later"), act: later },
    { key: "0", text: t("now"), act: present },
    { key: "l", text: t("lines"), act: () => show("lines") },
    { key: "t", text: t("table"), act: () => show("table") },
    { key: "n", text: t("note_title"), act: note },
    { key: "d", text: t("download"), act: () => element("download").click() },
    { key: "x", text: t("key_export"), act: openExport },
    { key: "p", text: t("print"), act: () => print() },
    { key: "b", text: t("back"), act: () => location.assign(`/bed/${encodeURIComponent(id)}`) },
    { key: "s", text: t("key_sound"), act: () => shell.sound.toggle() },
  ],
  { title: t("keys"), close: t("close"), list: t("key_list") },
);

let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  if (range.view === "lines" && grid) draw();
});
draw();
/** Tests look at the page through this. */
Object.assign(window, { teleward: { shell, plots, range } });
