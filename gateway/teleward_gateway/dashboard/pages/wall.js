// @ts-check
/** The page for the projector: the door, the question with its answers, the class, with names only when shown. */

import { joinHost, lookUp } from "../core/me.js";
import { loadCatalogue } from "../i18n/catalogue.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { ViewStream } from "./view_stream.js";
import { bars } from "./histogram.js";

const page = /** @type {HTMLElement} */ (document.getElementById("page"));
const t = await loadCatalogue();
const stream = new ViewStream("/api/v1/class/wall", draw);
page.replaceChildren();
page.className = "paper";
draw();
void lookUp().then(draw);

function draw() {
  const view = stream.view;
  const gone = stream.lost && view ? html`<p class="note bad" role="alert">${t.text("lost_teacher")}</p>` : nothing;
  const before = html`<main><h1 class="lead">${t.text(stream.problem ? "need_teacher" : "scan")}</h1></main>`;
  render(view ? html`${gone}${whole(view)}` : before, page);
}

/** @param {any} view */
function whole(view) {
  const doors = view.phase === "doors" || view.phase === "prebrief";
  return html`<main>
      ${view.question && !(view.question.over && doors)
        ? html`<section class="stack"><h1 class="lead">${t.of(view.question.text)}</h1>
            ${view.question.over ? nothing : html`<p>${t.text("wall_question")} · ${t.text("question_left", { n: Math.ceil(view.left_s) })}</p>`}</section>
            <section class="stack">${bars(view.question, t)}</section>`
        : doors
          ? door(view)
          : strip(view)}
    </main>
    <footer class="notice">${t.text("not_a_device")}</footer>`;
}

/** @param {any} view */
function door(view) {
  const address = `${joinHost()}/j/${view.code}`;
  return html`<img class="qr" src=${`/class/qr.svg?code=${view.code}`} alt=${`QR: ${address}`} />
    <section class="stack"><h1 class="lead">${t.of(view.title)}</h1><p>${t.text("scan")}</p>
      <p class="lead" id="address">${address}</p><p class="big-code" id="code">${view.code}</p>
      <ul class="roster">${view.seats.map((/** @type {any} */ seat, /** @type {number} */ place) => html`<li class=${seat.ready ? "ready" : ""}>${seat.name || place + 1}${seat.ready ? " ✓" : ""}</li>`)}</ul>
      <p>${t.text("wall_ready", { n: view.n_ready, of: view.n_seats })}</p></section>`;
}

/** @param {any} view */
function strip(view) {
  const words = view.phase === "words" || view.phase === "debrief";
  return html`<section class="stack"><h1 class="lead">${t.of(view.title)}</h1>
      <p>${t.text(words ? "wall_words" : view.paused ? "paused_title" : "wall_running")}</p>
      <ul>${t.list(view.goals).map((/** @type {string} */ goal) => html`<li>• ${goal}</li>`)}</ul></section>
    <ul class="roster" id="strips">${view.strips.map(
      (/** @type {any} */ room, /** @type {number} */ place) =>
        html`<li>${room.names.join(", ") || place + 1}: <span class="hr">${room.hr === null ? "--" : Math.round(room.hr)}</span> ·
          <span class="spo2">${room.spo2 === null ? "--" : Math.round(room.spo2)} %</span>${room.ended ? " ■" : ""}</li>`,
    )}</ul>`;
}
