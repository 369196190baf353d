// @ts-check
/** The teacher's bar for all rooms at once, and the changes that can be staged. */

import { html, nothing } from "../vendor/lit-html.js";

/** @type {{text: string, orders: object[]}[]} */
export const CHANGES = [
  { text: "stage_worse", orders: [{ kind: "knob", name: "bronch", to: 0.95, over: 120 }] },
  { text: "stage_tired", orders: [{ kind: "knob", name: "fatigue", to: 0.8, over: 120 }] },
  { text: "stage_better", orders: [{ kind: "knob", name: "bronch", to: 0.2, over: 120 }] },
  { text: "stage_vf", orders: [{ kind: "rhythm", name: "vf" }] },
  { text: "stage_sinus", orders: [{ kind: "rhythm", name: "sinus" }] },
  { text: "stage_probe", orders: [{ kind: "fault", fault: "probe_off", sensor: "ox", for: 60 }] },
  { text: "stage_motion", orders: [{ kind: "fault", fault: "motion", sensor: "ox", for: 60 }] },
  { text: "stage_end", orders: [{ kind: "end", result: "ended" }] },
];
const SPEEDS = [1, 2, 5, 10];

/** @param {any} page */
export function bulkBar(page) {
  const { t, view } = page;
  const toggle = (/** @type {string} */ menu) => ((page.menu = page.menu === menu ? "" : menu), page.draw());
  const running = view.phase === "encounter";
  return html`<section class="bulk paper" aria-label=${t.text("for_all")}>
    ${page.menu ? html`<div class="row card">${menu(page)}</div>` : nothing}
    <div class="row" role="toolbar" aria-label=${t.text("for_all")}>
      <button type="button" id="pause" aria-pressed=${String(view.paused)} @click=${() => page.act("POST", "/class/pause", { on: !view.paused })}>
        ${t.text(view.paused ? "go_on" : "pause_all")}</button>
      ${view.frozen
        ? html`<button type="button" id="thaw" @click=${() => page.act("POST", "/class/thaw")}>${t.text("end_question")}</button>`
        : html`<button type="button" id="freeze" ?disabled=${!running} aria-expanded=${String(page.menu === "freeze")} @click=${() => toggle("freeze")}>${t.text("freeze")}</button>`}
      <button type="button" id="speed" aria-expanded=${String(page.menu === "speed")} @click=${() => toggle("speed")}>${t.text("speed")}</button>
      <button type="button" id="write" aria-expanded=${String(page.menu === "write")} @click=${() => toggle("write")}>${t.text("write_all")}</button>
      <button type="button" id="fault" aria-expanded=${String(page.menu === "fault")} @click=${() => toggle("fault")}>${t.text("fault_all")}</button>
      <button type="button" id="bookmark" aria-keyshortcuts="b" @click=${() => page.bookmark()}><u>B</u> ${t.text("bookmark")}</button>
      <button type="button" id="rewind" ?disabled=${!view.bookmarks.length} aria-expanded=${String(page.menu === "rewind")} @click=${() => toggle("rewind")}>${t.text("rewind_all")}</button>
      <button type="button" id="doors" aria-pressed=${String(!view.doors)} @click=${() => page.act("POST", "/class/doors", { on: !view.doors })}>
        ${t.text(view.doors ? "lock_doors" : "unlock_doors")}</button>
      <span class="grow"></span>
      ${running
        ? html`<button type="button" id="end" @click=${() => page.act("POST", "/class/phase", { phase: "words" })}>${t.text("end_encounter")}</button>`
        : view.phase === "words"
          ? html`<button type="button" id="debrief" @click=${() => page.act("POST", "/class/phase", { phase: "debrief" })}>${t.text("to_debrief")}</button>`
          : html`<button type="button" id="close" @click=${() => page.act("DELETE", "/class").then(() => location.reload())}>${t.text("close_class")}</button>`}
    </div></section>`;
}

/** @param {any} page */
function menu(page) {
  const { t, view } = page;
  const opened = page.menu;
  const done = async (/** @type {Promise<any>} */ acting) => {
    if ((await acting) && page.menu === opened) page.menu = ""; // not one that was opened meanwhile
    page.draw();
  };
  switch (page.menu) {
    case "freeze":
      return html`${view.questions.map(
          (/** @type {any} */ question) => html`<button type="button" data-question=${question.id}
            @click=${() => done(page.act("POST", "/class/freeze", { question: question.id }))}>${t.of(question.text)}</button>`,
        )}${own(page, "own_question", (text) => page.act("POST", "/class/freeze", { text }))}`;
    case "speed":
      return SPEEDS.map(
        (speed) => html`<button type="button" data-speed=${speed}
          @click=${() => done(page.act("POST", "/class/changes", { orders: [{ kind: "clock", speed }] }))}>×${speed}</button>`,
      );
    case "write":
      return own(page, "message", (text) => page.act("POST", "/class/messages", { text }));
    case "fault":
      return CHANGES.filter((change) => /** @type {any} */ (change.orders[0]).kind === "fault").map(
        (change) => html`<button type="button" data-fault=${change.text}
          @click=${() => done(page.act("POST", "/class/changes", { orders: change.orders }))}>${t.text(change.text)}</button>`,
      );
    case "rewind":
      return [...new Set(view.bookmarks.map((/** @type {any} */ mark) => mark[1]))].map(
        (text) => html`<button type="button" data-mark=${text}
          @click=${() => done(page.act("POST", "/class/rewind", { bookmark: text }))}>${t.text("rewind_to", { text })}</button>`,
      );
    default:
      return nothing;
  }
}

/** @param {any} page @param {string} label @param {(text: string) => Promise<any>} send */
function own(page, label, send) {
  return html`<form class="row grow" @submit=${async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { menu, text } = page;
    if (await send(text)) {
      if (page.text === text) page.text = "";
      if (page.menu === menu) page.menu = "";
      page.draw();
    }
  }}><input class="grow" required maxlength="400" aria-label=${page.t.text(label)} placeholder=${page.t.text(label)} .value=${page.text}
      @input=${(/** @type {any} */ e) => (page.text = e.target.value)} /><button class="primary">${page.t.text("send")}</button></form>`;
}
