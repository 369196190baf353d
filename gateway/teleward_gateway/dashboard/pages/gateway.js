// @ts-check
/** The operator's page: how each part of the gateway does, what to do, and its log. */

import { call } from "../core/api.js";
import { lookUp } from "../core/me.js";
import { watchSettings } from "../core/settings_mistakes.js";
import { whoIsHere } from "../core/who.js";
import { duration } from "../i18n/format.js";
import { spark } from "./spark.js";
import { html, nothing, render } from "../vendor/lit-html.js";

const REFRESH_MS = 5000;
const SIGNS = /** @type {Record<string, string>} */ ({ ok: "●", warn: "▲", bad: "■", none: "○" });
const state = {
  gateway: /** @type {any} */ ({ name: "", version: "" }),
  uptime: 0,
  cards: /** @type {any[]} */ ([]),
  log: /** @type {string[]} */ ([]),
  problem: "",
};

async function load() {
  try {
    const [overview, log, gateway] = await Promise.all([
      call("GET", "/gateway/cards"), call("GET", "/gateway/log?lines=100"), call("GET", "/gateway"),
    ]);
    Object.assign(state, { uptime: overview.uptime_s, cards: overview.cards, log: log.lines, gateway, problem: "" });
  } catch (error) {
    state.problem = /** @type {Error} */ (error).message;
  }
  draw();
}

/** What needs a person first. */
function summary() {
  const bad = state.cards.filter((card) => card.state === "bad");
  const warn = state.cards.filter((card) => card.state === "warn");
  if (!state.cards.length) return nothing;
  if (!bad.length && !warn.length) {
    return html`<p class="sum" data-state="ok"><b>All is well.</b></p>`;
  }
  const first = bad[0] ?? warn[0];
  const many = bad.length + warn.length;
  return html`<p class="sum" data-state=${bad.length ? "bad" : "warn"}>
    <b>${many === 1 ? "One thing needs you" : `${many} things need you`}: ${first.title}, ${first.word}.</b>
    <span>${first.advice || first.text}</span>
  </p>`;
}

/** @param {any} card */
function cardOf(card) {
  return html`<section class="card" data-state=${card.state} data-card=${card.key} aria-labelledby="h-${card.key}">
    <h2 id="h-${card.key}"><span>${card.title}</span>
      <span class="word"><span aria-hidden="true">${SIGNS[card.state]}</span> ${card.word}</span></h2>
    ${card.number
      ? html`<p class="number">${card.number} <small>${card.unit}</small> ${spark(card.points, "spark")}</p>` : nothing}
    <p>${card.text}</p>
    ${card.advice ? html`<p class="advice">${card.advice}</p>` : nothing}
    ${card.link ? html`<a class="button" href=${card.link}>Show</a>` : nothing}
    ${card.key === "journal" && card.word === "records lost"
      ? html`<button @click=${lossesRead}>I have read it</button>` : nothing}
  </section>`;
}

async function lossesRead() {
  try {
    await call("POST", "/losses/read", { author: (await lookUp()).name || "console" });
  } catch (error) {
    state.problem = /** @type {Error} */ (error).message;
  }
  await load();
}

function draw() {
  render(
    html`<a class="button" href="/ward" aria-label="Back to the ward">‹</a>
      <h1>Gateway <small>${state.gateway.name}</small></h1><span class="space"></span>
      <span class="quiet wide">Teleward ${state.gateway.version}, up ${duration(state.uptime * 1000)}</span>
      ${whoIsHere()}`,
    bar,
  );
  render(
    html`${state.problem ? html`<p class="error" role="alert">${state.problem}</p>` : nothing}
      ${summary()}
      <div class="cards">${state.cards.map(cardOf)}</div>
      <section aria-labelledby="h-log"><h2 id="h-log">Log</h2>
        <p class="quiet">The newest lines. Names of patients and addresses are replaced by marks.</p>
        <pre id="log" tabindex="0" role="region" aria-label="Lines of the log">${state.log.join("\n")}</pre>
      </section>
      <section aria-labelledby="h-report"><h2 id="h-report">Report for a technician</h2>
        <p>State, settings and log in one file, without a name, a record number or an address.</p>
        <a class="button" id="report" href="/api/v1/gateway/report" download="teleward-report.zip">Save the report</a>
      </section>`,
    page,
  );
}

const bar = /** @type {HTMLElement} */ (document.getElementById("bar"));
const page = /** @type {HTMLElement} */ (document.getElementById("page"));
for (const place of [bar, page]) place.replaceChildren();
draw();
await lookUp();
watchSettings(/** @type {HTMLElement} */ (document.getElementById("mistakes")));
await load();
setInterval(() => {
  if (!document.hidden) void load();
}, REFRESH_MS);
