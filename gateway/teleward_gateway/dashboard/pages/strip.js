// @ts-check
/** A stretch of the record on ECG paper: read it, measure it, compare it, remark it, print it. */

import { topAlarm, MARKS as URGENCY, alarmClass } from "../alarms/priorities.js";
import { KeyMap } from "../core/keys.js";
import { Shell, element, html, render } from "../core/shell.js";
import { catalogueOf } from "../i18n/words.js";
import { bedName } from "../i18n/format.js";
import { Calipers } from "../waves/calipers.js";
import { rememberedFilter } from "../waves/chosen_filter.js";
import { filterName } from "../waves/ecg_filter.js";
import { hasTwelve, inOrder, layOut } from "../waves/paper.js";
import { filtered, readMarks, readStretch } from "../waves/record.js";
import { readAddress, writeAddress } from "./strip_address.js";
import { markList } from "./strip_marks.js";
import { Measures } from "./strip_measures.js";
import { sheet } from "./strip_sheet.js";
import { Tools } from "./strip_tools.js";

/** @typedef {import("../waves/record.js").Stretch} Stretch */
/** @typedef {import("../waves/record.js").Lead} Lead */

const PIXELS_PER_MM = 96 / 25.4;
/** What fits between the margins of A4, landscape. */
const PRINTED_MM = 270;
const NUMBERS_ONLY = 2;

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const words = await catalogueOf("strip");
const t = words.text.bind(words);
const choice = readAddress();
let filter = rememberedFilter();
/** The stretch and the one it is compared with. @type {(Stretch | null)[]} */
let stretches = [];
let failure = "";
let reading = true;
let printing = false;

const shell = new Shell([id], drawBar, () => `${t("title")} · ${bed()}`, () => 0, NUMBERS_ONLY);
const calipers = new Calipers(() => measures.note());
const measures = new Measures(calipers, () => drawPanel());
/** @type {import("./strip_note.js").NoteDialog | null} */
let notes = null;
/** @type {Tools} */
const tools = new Tools(choice, words, {
  changed: () => (writeAddress(choice), draw()),
  moved: () => void read(),
  filter: () => ((filter = rememberedFilter()), draw()),
  march,
  note: writeNote,
  begin: () => stretches[0]?.startMs ?? shell.stream.now(),
  leads: () => stretches[0]?.leads ?? [],
  now: () => shell.stream.now(),
  keys: () => keys.open(),
});
for (const part of ["bar", "tools", "sheets", "panel"]) element(part).replaceChildren();
calipers.words = { a: t("caliper_a"), b: t("caliper_b"), both: t("caliper_both") };
element("notice").textContent = t("not_a_device");
element("sheets").setAttribute("aria-label", t("sheets"));
element("tools").setAttribute("aria-label", t("tools"));
element("panel").setAttribute("aria-label", t("measured"));

/** @returns {import("../core/state.js").Subject | undefined} */
function subjectHere() {
  return shell.ward.subjects.get(id);
}

/** @returns {string} */
function bed() {
  return bedName(subjectHere()?.info.bed ?? id);
}

/** Bed and person, as far as the ward knows them. */
function who() {
  const { label = "", detail = "" } = subjectHere()?.info ?? {};
  return [bed(), label === subjectHere()?.info.bed ? "" : label, detail].filter(Boolean).join(" · ");
}

let shownBed = "";
function drawBar() {
  const subject = subjectHere();
  const alarm = topAlarm((subject?.alarms ?? []).filter((each) => each.priority !== "info"));
  render(
    html`<a class="button back" href="/bed/${encodeURIComponent(id)}" aria-label=${t("back")}>‹</a>
      <h1>${t("title")} · ${bed()}</h1>
      ${alarm
        ? html`<span id="message" class=${alarmClass(alarm)}><b aria-hidden="true">${URGENCY[alarm.priority]}</b><span>${alarm.text}</span></span>`
        : null}
      <span class="space"></span>${shell.simulation(subject?.info.simulated ?? false)} ${shell.soundButton()} ${shell.status()}`,
    element("bar"),
  );
  if (who() !== shownBed) {
    shownBed = who();
    if (stretches.length) draw();
  }
}

async function read() {
  writeAddress(choice);
  reading = true;
  failure = "";
  draw();
  try {
    const found = await readStretch(id, choice.from, choice.seconds);
    const other = choice.other === null ? null : await readStretch(id, choice.other, choice.seconds);
    stretches = other ? [found, other] : [found];
  } catch (error) {
    failure = words.refusal(error);
  }
  reading = false;
  standCalipers();
  draw();
}

/** Calipers stand on samples of the first lead, within the stretch. */
function standCalipers() {
  const [first] = stretches;
  if (!first) return;
  const lead = inOrder(first.leads)[0];
  calipers.step = lead?.runs[0]?.step ?? 4;
  calipers.ms = first.ms;
  const beats = first.marks.filter(({ kind }) => kind === "beat");
  const begin = beats[0]?.at ?? first.ms / 10;
  calipers.a = Math.round(Math.max(0, begin - 160) / calipers.step) * calipers.step;
  calipers.b = calipers.a + Math.round(160 / calipers.step) * calipers.step;
  measures.clear();
}

/** @param {Lead[]} leads @returns {{leads: Lead[], twelve: boolean}} what was chosen of them */
function shownOf(leads) {
  const ordered = inOrder(leads);
  const ecg = ordered.filter(({ metric }) => metric.startsWith("ecg"));
  const twelve = hasTwelve(leads) && (choice.show === "" || choice.show === "twelve");
  if (twelve) return { leads: ecg, twelve };
  const one = ordered.filter(({ metric }) => metric === choice.show);
  if (one.length) return { leads: one, twelve };
  return { leads: choice.show === "ecg" && ecg.length ? ecg : ordered, twelve };
}

function draw() {
  tools.draw(element("tools"), calipers.marching);
  if (reading && !stretches.length) {
    render(html`<p class="quiet">${t("reading")}</p>`, element("sheets"));
    return;
  }
  const width = printing ? PRINTED_MM : element("sheets").clientWidth / PIXELS_PER_MM;
  calipers.sheets = [];
  const figures = stretches.map((stretch, place) => (stretch ? figure(stretch, width, place) : null));
  render(
    html`${failure ? html`<p class="error" role="alert">${failure}</p>` : null}
      ${figures.map((each) => each?.content)}`,
    element("sheets"),
  );
  for (const each of figures) {
    if (each?.paper) calipers.sheets.push({ element: /** @type {any} */ (element(each.id)), paper: each.paper });
  }
  calipers.draw();
  drawPanel();
}

/** @param {Stretch} stretch @param {number} width mm @param {number} place */
function figure(stretch, width, place) {
  const { leads, twelve } = shownOf(stretch.leads);
  const span = { seconds: stretch.ms / 1000, time: moment(stretch.startMs) };
  if (!leads.length) return { content: nothingKept(stretch), paper: null, id: "" };
  const drawn = leads.map((lead) => filtered(lead, filter));
  const paper = layOut(drawn, stretch.ms, { speed: choice.speed, gain: choice.gain, width, twelve });
  const name = `calipers-${place}`;
  const { fs } = leads[0];
  const content = html`<figure class="strip-figure" data-place=${place}>
    <figcaption>
      <b>${who()}</b> <span>${t(place ? "compared" : "from_time", span)}</span>
      <span id=${`scale-${place}`}>${choice.speed} mm/s · ${choice.gain} mm/mV · ${filterWords(fs)} · ${Number(fs.toFixed(1))} Hz</span>
      ${stretch.simulated ? html`<b class="simulated">${t("simulation")}</b>` : null}
    </figcaption>
    <div class="roll">${sheet(paper, stretch, label, t, t("drawing", span), name)}</div>
    ${stretch.complete ? null : html`<p class="quiet">${t("too_much")}</p>`} ${markList(stretch, t)}
  </figure>`;
  return { content, paper, id: name };
}

/** @param {number} fs */
function filterWords(fs) {
  const [band, ...more] = filterName(filter, fs).split(" · ");
  const [name, ...edges] = band.split(" ");
  return [[t(`filter_${name.toLowerCase()}`), ...edges].join(" "), ...more].join(" · ");
}

/** @param {import("../waves/paper.js").Lane} lane */
function label({ lead, calibrated, cut }) {
  const name = subjectHere()?.info.channel_labels?.[lead.metric] ?? lead.label;
  return `${name}${lead.computed ? ` ${t("computed")}` : ""}${calibrated ? "" : ` · ${t("no_scale")}`}${cut ? ` · ${t("cut")}` : ""}`;
}

/** @param {Stretch} stretch */
function nothingKept(stretch) {
  const kept = stretch.keptFromMs;
  const span = { from: moment(stretch.startMs), seconds: stretch.ms / 1000 };
  return html`<section class="nothing">
    <h2>${t("nothing", span)}</h2>
    <p>
      ${kept === null ? t("none_kept") : kept > stretch.startMs ? t("kept_from", { time: moment(kept) }) : t("not_sent")}
      ${t("others_kept")}
    </p>
    ${markList(stretch, t)}
  </section>`;
}

/** @param {number} ms */
function moment(ms) {
  const style = /** @type {Intl.DateTimeFormatOptions} */ ({ dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  return new Intl.DateTimeFormat(`${words.language}-u-nu-latn`, style).format(new Date(ms));
}

function drawPanel() {
  const [first] = stretches;
  if (!first?.leads.length) {
    render(null, element("panel"));
    return;
  }
  render(
    html`${measures.choices(t)} ${measures.fields(t)} ${measures.table(first.marks, t)}
      <p class="quiet">${t("checked_by")}</p>`,
    element("panel"),
  );
}

function march() {
  calipers.marching = !calipers.marching;
  calipers.draw();
  tools.draw(element("tools"), calipers.marching);
}

async function lookForNotes() {
  for (const stretch of stretches) {
    if (stretch) stretch.marks = await readMarks(`/subjects/${encodeURIComponent(id)}`, stretch.startMs, stretch.ms);
  }
  draw();
}

async function writeNote() {
  const [first] = stretches;
  if (!first) return;
  const { NoteDialog } = await import("./strip_note.js");
  notes ??= new NoteDialog(id, element("dialogs"), t, lookForNotes);
  notes.open(first.startMs + calipers.a, first.startMs + calipers.b);
}

const keys = new KeyMap(
  element("dialogs"),
  [
    ...["p PR", "q QRS", "t QT", "r RR"].map((pair) => {
      const [key, name] = pair.split(" ");
      return { key, text: t("key_measure", { name }), act: () => measures.choose(name) };
    }),
    { key: "m", text: t("key_march"), act: march },
    { key: "n", text: t("note_title"), act: writeNote },
    ...tools.keys(),
    { key: "s", text: t("key_sound"), act: () => shell.sound.toggle() },
  ],
  { title: t("keys"), close: t("close"), list: t("key_list") },
);
keys.hints = [t("hint_calipers"), t("hint_shift")];

addEventListener("beforeprint", () => ((printing = true), draw()));
addEventListener("afterprint", () => ((printing = false), draw()));
new ResizeObserver(() => printing || draw()).observe(element("sheets"));
void read();
/** Tests look at the page through this. */
Object.assign(window, { teleward: { shell, calipers, measures, choice } });
