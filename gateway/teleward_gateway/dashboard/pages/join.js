// @ts-check
/** The door of a class: code, name, language, then a ten-second check of screen and line. */

import { call } from "../core/api.js";
import { LANGUAGES, loadCatalogue } from "../i18n/catalogue.js";
import { html, nothing, render } from "../vendor/lit-html.js";

const BIRDS = [
  "Hornbill", "Barbet", "Bulbul", "Myna", "Drongo", "Hoopoe", "Kingfisher", "Lapwing", "Oriole",
  "Parakeet", "Robin", "Sunbird", "Swift", "Tailorbird", "Warbler", "Egret", "Heron", "Ibis",
  "Crane", "Plover", "Kite", "Falcon", "Owlet", "Quail", "Swallow", "Wagtail", "Sparrow", "Shama",
  "Cuckoo", "Treepie", "Pitta", "Trogon", "Roller", "Shrike", "Iora", "Teal", "Pintail", "Stork",
  "Pelican", "Darter",
];
const SLOW_MS = 500;
const CLOCK_MS = 60_000;

let t = await loadCatalogue();
const state = {
  /** The language of the seat: the one that was tapped, even before its texts are here. */
  language: t.language,
  step: "door",
  code: decodeURIComponent(location.pathname.split("/")[2] ?? "").toUpperCase(),
  name: bird(),
  problem: "",
  busy: false,
  saw: /** @type {boolean|null} */ (null),
  tapped: false,
  latency: NaN,
  /** The phone's clock less the gateway's. */
  aheadMs: 0,
};

function bird() {
  return BIRDS[Math.floor(Math.random() * BIRDS.length)];
}

/** @param {string} language */
async function speak(language) {
  state.language = language;
  draw();
  t = await loadCatalogue(language);
  draw();
}

/** @param {Event} event */
async function join(event) {
  event.preventDefault();
  state.busy = true;
  draw();
  try {
    const joined = await call("POST", "/join", { code: state.code, name: state.name, language: state.language });
    state.aheadMs = Date.now() - joined.now_ms;
    if (joined.again) return location.assign("/room");
    state.problem = "";
    state.step = "check";
    await measure();
  } catch (error) {
    state.problem = t.refusal(error);
  }
  state.busy = false;
  draw();
}

/** The shortest of three round trips. */
async function measure() {
  for (let turn = 0; turn < 3; turn++) {
    const began = performance.now();
    await call("GET", "/seat");
    const took = performance.now() - began;
    if (!(took >= state.latency)) state.latency = took;
  }
}

async function ready() {
  state.busy = true;
  draw();
  try {
    await call("POST", "/seat/ready", {
      saw_trace: state.saw,
      tapped_number: state.tapped,
      latency_ms: Math.round(state.latency),
    });
    location.assign("/room");
  } catch (error) {
    state.problem = t.refusal(error);
    state.busy = false;
    draw();
  }
}

function door() {
  return html`<form class="stack" @submit=${join}>
    <h1 class="lead">${t.text("join_title")}</h1>
    <label class="field"
      >${t.text("code")}<input
        id="code" class="code" name="code" maxlength="6" required autocomplete="off" autocapitalize="characters"
        .value=${state.code}
        @input=${(/** @type {any} */ e) => (state.code = e.target.value.toUpperCase())}
    /></label>
    <label class="field"
      >${t.text("name")}<input
        id="name" name="name" maxlength="40" required autocomplete="nickname" .value=${state.name}
        @input=${(/** @type {any} */ e) => (state.name = e.target.value)}
    /></label>
    <button type="button" class="plain" @click=${() => ((state.name = bird()), draw())}>
      ${t.text("another_bird")}
    </button>
    <div class="seg" role="group" aria-label=${t.text("language")}>
      ${Object.entries(LANGUAGES).map(
        ([name, words]) =>
          html`<button
            type="button" lang=${name} aria-pressed=${String(state.language === name)}
            @click=${() => speak(name)}
          >
            ${words}
          </button>`,
      )}
    </div>
    ${problem()}
    <button class="primary big" id="go" ?disabled=${state.busy}>${t.text("to_check")}</button>
  </form>`;
}

/** @param {number} ms @returns {string} */
function span(ms) {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return t.text("left_min", { n: minutes });
  const hours = Math.round(minutes / 60);
  return hours < 48 ? t.text("left_h", { n: hours }) : t.text("left_d", { n: Math.round(hours / 24) });
}

function check() {
  const slow = state.latency > SLOW_MS;
  return html`<h1 class="lead">${t.text("check_title")}</h1>
    <section class="card stack glass">
      <canvas id="test-trace" height="70" role="img" aria-label=${t.text("check_trace")}></canvas>
      <p>${t.text("check_trace")}</p>
      <div class="row">
        <button type="button" id="moves" aria-pressed=${String(state.saw === true)} @click=${() => ((state.saw = true), draw())}>
          ${t.text("check_moves")}
        </button>
        <button type="button" aria-pressed=${String(state.saw === false)} @click=${() => ((state.saw = false), draw())}>
          ${t.text("check_still")}
        </button>
      </div>
    </section>
    <section class="card stack glass">
      <p id="tap-text">${t.text("check_number")}</p>
      <div class="row numbers">
        <button type="button" class="number hr" id="tap" aria-describedby="tap-text" aria-pressed=${String(state.tapped)}
          @click=${() => ((state.tapped = true), draw())}>72</button>
        <span class="number spo2" aria-hidden="true">98</span>
        <span class="number rr" aria-hidden="true">16</span>
      </div>
    </section>
    <p class="note ${slow ? "warn" : "ok"}">
      ${t.text("check_line", { ms: Math.round(state.latency), word: t.text(slow ? "line_slow" : "line_good") })}
    </p>
    ${Math.abs(state.aheadMs) > CLOCK_MS
      ? html`<p class="note info" id="clock">${t.text(state.aheadMs > 0 ? "clock_ahead" : "clock_behind", { span: span(Math.abs(state.aheadMs)) })}</p>`
      : nothing}
    ${problem()}
    <button type="button" class="primary big" id="ready" ?disabled=${state.busy || state.saw === null || !state.tapped} @click=${ready}>
      ${t.text("ready")}
    </button>`;
}

function problem() {
  return state.problem ? html`<p class="note bad" role="alert">${state.problem}</p>` : nothing;
}

function draw() {
  render(
    html`<main class="paper phone-main">${state.step === "door" ? door() : check()}</main>
      <footer class="notice">${t.text("not_a_device")}</footer>`,
    page,
  );
}

/** A test pattern: it moves as a trace does, and belongs to no patient. */
function trace() {
  const canvas = /** @type {HTMLCanvasElement|null} */ (document.getElementById("test-trace"));
  const context = canvas?.getContext("2d");
  if (canvas && context) {
    canvas.width = canvas.clientWidth;
    const head = ((performance.now() / 4000) % 1) * canvas.width;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--ecg") || "#7dffb0";
    context.lineWidth = 2;
    context.beginPath();
    for (let x = 0; x < head; x += 2) {
      const beat = (x % 80) - 40;
      context.lineTo(x, 45 - 32 * Math.exp((-beat * beat) / 12) - 8 * Math.exp(-((beat - 22) ** 2) / 60));
    }
    context.stroke();
  }
  requestAnimationFrame(trace);
}

const page = /** @type {HTMLElement} */ (document.getElementById("page"));
page.replaceChildren();
draw();
trace();
