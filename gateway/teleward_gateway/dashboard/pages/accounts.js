// @ts-check
/** The operator's page: accounts, who is logged in, screens and tokens, who saw and did what. */

import { call } from "../core/api.js";
import { lookUp } from "../core/me.js";
import { html, nothing, render } from "../vendor/lit-html.js";

const ROLES = ["operator", "clinician", "teacher", "observer", "guest-expert"];
const state = {
  accounts: /** @type {any[]} */ ([]),
  sessions: /** @type {any[]} */ ([]),
  links: /** @type {any[]} */ ([]),
  subjects: /** @type {any[]} */ ([]),
  log: /** @type {any[]} */ ([]),
  made: "",
  problem: "",
};

async function load() {
  await attempt(async () => {
    [state.accounts, state.sessions, state.links, state.log, state.subjects] = await Promise.all([
      call("GET", "/access/accounts"), call("GET", "/access/sessions"), call("GET", "/access/links"),
      call("GET", "/access/log?limit=100"),
      call("GET", "/subjects").catch(() => []), // screens of the ward can be made without them
    ]);
  });
}

/** @param {() => Promise<void>} action */
async function attempt(action) {
  state.problem = "";
  try {
    await action();
  } catch (error) {
    state.problem = /** @type {Error} */ (error).message;
  }
  draw();
}

/** @param {string} method @param {string} path @param {object} [body] */
async function change(method, path, body) {
  await attempt(async () => {
    const answer = await call(method, path, body);
    state.made = answer.secret ?? "";
    await load();
  });
}

/** @param {SubmitEvent} event @param {(data: FormData) => Promise<void>} send */
async function submit(event, send) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  await send(new FormData(form));
  if (!state.problem) form.reset();
}

/** @param {FormData} data */
const add = (data) =>
  change("POST", "/access/accounts", {
    name: data.get("name"), role: data.get("role"), password: data.get("password"),
    days: data.get("days") ? Number(data.get("days")) : null,
  });

/** @param {FormData} data */
const addLink = (data) => {
  const target = String(data.get("target"));
  const kind = target === "metrics" ? "metrics" : "kiosk";
  const subject = kind === "kiosk" ? target.replace(/^bed:/, "") : "";
  return change("POST", "/access/links", { kind, subject, label: data.get("label") });
};

/** @param {string} text */
const time = (text) => text.slice(0, 16).replace("T", " ");

function accounts() {
  return html`<section aria-labelledby="h-accounts"><h2 id="h-accounts">Accounts</h2>
    <ul class="list">${state.accounts.map((each) => html`<li>
      <b>${each.name}</b><span>${each.role}${each.until ? `, until ${time(each.until)}` : ""}</span>
      <button @click=${() => confirm(`Remove ${each.name}?`) && change("DELETE", `/access/accounts/${encodeURIComponent(each.name)}`)}
        aria-label=${`Remove ${each.name}`}>Remove</button></li>`)}</ul>
    <form @submit=${(/** @type {SubmitEvent} */ event) => submit(event, add)}>
      <label>Name <input name="name" required maxlength="60" autocomplete="off" /></label>
      <label>Role <select name="role">${ROLES.map((role) => html`<option value=${role}>${role}</option>`)}</select></label>
      <label>Password <input name="password" type="password" required minlength="10" maxlength="200" autocomplete="new-password" /></label>
      <label>Days, empty: no end <input name="days" type="number" min="1" max="3660" /></label>
      <button class="primary">Add account</button>
    </form></section>`;
}

function sessions() {
  return html`<section aria-labelledby="h-sessions"><h2 id="h-sessions">Logged in</h2>
    <ul class="list">${state.sessions.map((each) => html`<li>
      <b>${each.name}</b><span>${each.address}, last used ${time(each.seen)}</span>
      ${each.own ? html`<i>this browser</i>` : html`<button @click=${() => change("DELETE", `/access/sessions/${each.id}`)}
        aria-label=${`Log ${each.name} out`}>Log out</button>`}</li>`)}</ul>
    ${state.sessions.length ? nothing : html`<p class="quiet">Nobody is logged in.</p>`}</section>`;
}

function links() {
  return html`<section aria-labelledby="h-links"><h2 id="h-links">Screens and tokens</h2>
    <ul class="list">${state.links.map((each) => html`<li>
      <b>${each.label || (each.kind === "metrics" ? "Prometheus" : "Screen")}</b>
      <span>${each.kind === "metrics" ? "metrics" : each.subject ? `bed of ${each.subject}` : "the ward"}, by ${each.author}</span>
      <button @click=${() => change("DELETE", `/access/links/${each.id}`)} aria-label=${`End ${each.label || each.kind}`}>End</button></li>`)}</ul>
    ${state.made ? html`<p class="made" role="status">Shown once, copy it now: <code>${state.made}</code></p>` : nothing}
    <form @submit=${(/** @type {SubmitEvent} */ event) => submit(event, addLink)}>
      <label>For <select name="target">
        <option value="">a screen with the ward</option>
        ${state.subjects.map((each) => html`<option value=${`bed:${each.id}`}>a screen with ${each.bed || each.label || each.id}</option>`)}
        <option value="metrics">Prometheus</option></select></label>
      <label>Where it is <input name="label" maxlength="60" /></label>
      <button class="primary">Make link</button>
    </form></section>`;
}

function log() {
  return html`<section aria-labelledby="h-log"><h2 id="h-log">Who saw and did what</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Lines of the access log"><table>
      <thead><tr><th scope="col">Time (UTC)</th><th scope="col">Who</th><th scope="col">Address</th><th scope="col">What</th></tr></thead>
      <tbody>${state.log.map((each) => html`<tr><td>${time(each.time)}</td><td>${each.name || each.role}</td>
        <td>${each.address}</td><td>${each.action}${each.subject ? `, ${each.subject}` : ""}${each.answer >= 400 ? `, refused (${each.answer})` : ""}</td></tr>`)}</tbody>
    </table></div></section>`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
root.replaceChildren();

function draw() {
  render(
    html`<header class="bar"><a class="button" href="/ward" aria-label="Back to the ward">‹</a><h1>Accounts</h1></header>
      <main class="broad">
        ${state.problem ? html`<p class="error" role="alert">${state.problem}</p>` : nothing}
        ${accounts()} ${sessions()} ${links()} ${log()}
      </main>
      <footer class="notice"><span>A teaching and monitoring aid, not a certified medical device.</span></footer>`,
    root,
  );
}

draw();
await lookUp();
await load();
