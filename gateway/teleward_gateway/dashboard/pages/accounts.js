// @ts-check
/** The operator's page: accounts, who is logged in, screens and tokens, who saw and did what. */

import { LANGUAGES, loadTexts } from "../core/access_texts.js";
import { call } from "../core/api.js";
import { lookUp } from "../core/me.js";
import { html, nothing, render } from "../vendor/lit-html.js";

let t = await loadTexts();
const ROLES = ["operator", "clinician", "teacher", "observer", "guest-expert"];
const state = {
  accounts: /** @type {any[]} */ ([]),
  sessions: /** @type {any[]} */ ([]),
  links: /** @type {any[]} */ ([]),
  subjects: /** @type {any[]} */ ([]),
  log: /** @type {any[]} */ ([]),
  made: "",
  problem: /** @type {unknown} */ (null),
};

/** @param {string} language */
async function speak(language) {
  t = await loadTexts(language);
  draw();
}

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
  state.problem = null;
  try {
    await action();
  } catch (error) {
    state.problem = error;
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

/** @param {string} text ISO 8601 @returns {string} day and time in the reader's style and zone */
function time(text) {
  const locale = t.language === "en" ? navigator.language : `${t.language}-u-nu-latn`;
  return new Date(/[Z+]/.test(text.slice(10)) ? text : `${text}Z`).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
}

/** @param {string} role */
const roleName = (role) => t.text(`role_${role}`);

function accounts() {
  return html`<section aria-labelledby="h-accounts"><h2 id="h-accounts">${t.text("accounts")}</h2>
    <ul class="list">${state.accounts.map((each) => html`<li>
      <b>${each.name}</b><span>${each.until ? t.text("account_until", { role: roleName(each.role), time: time(each.until) }) : roleName(each.role)}</span>
      <button @click=${() => confirm(t.text("remove_sure", { name: each.name })) && change("DELETE", `/access/accounts/${encodeURIComponent(each.name)}`)}
        aria-label=${t.text("remove_name", { name: each.name })}>${t.text("remove")}</button></li>`)}</ul>
    <form @submit=${(/** @type {SubmitEvent} */ event) => submit(event, add)}>
      <label>${t.text("account_name")} <input name="name" required maxlength="60" autocomplete="off" /></label>
      <label>${t.text("role")} <select name="role">${ROLES.map((role) => html`<option value=${role}>${roleName(role)}</option>`)}</select></label>
      <label>${t.text("password")} <input name="password" type="password" required minlength="10" maxlength="200" autocomplete="new-password" /></label>
      <label>${t.text("days")} <input name="days" type="number" min="1" max="3660" /></label>
      <button class="primary">${t.text("add_account")}</button>
    </form></section>`;
}

function sessions() {
  return html`<section aria-labelledby="h-sessions"><h2 id="h-sessions">${t.text("logged_in")}</h2>
    <ul class="list">${state.sessions.map((each) => html`<li>
      <b>${each.name}</b><span>${t.text("last_used", { address: each.address, time: time(each.seen) })}</span>
      ${each.own ? html`<i>${t.text("this_browser")}</i>` : html`<button @click=${() => change("DELETE", `/access/sessions/${each.id}`)}
        aria-label=${t.text("log_name_out", { name: each.name })}>${t.text("log_out")}</button>`}</li>`)}</ul>
    ${state.sessions.length ? nothing : html`<p class="quiet">${t.text("nobody_logged_in")}</p>`}</section>`;
}

/** What a link opens. @param {any} link */
function target({ kind, subject }) {
  return kind === "metrics" ? t.text("link_metrics") : subject ? t.text("link_bed", { name: subject }) : t.text("link_ward");
}

/** What a line of the log is about. @param {any} line */
function done({ action, subject, answer }) {
  const what = [action, subject].filter(Boolean).join(", ");
  return answer >= 400 ? t.text("refused_entry", { what }) : what;
}

function links() {
  return html`<section aria-labelledby="h-links"><h2 id="h-links">${t.text("links")}</h2>
    <ul class="list">${state.links.map((each) => html`<li>
      <b>${each.label || (each.kind === "metrics" ? "Prometheus" : t.text("screen"))}</b>
      <span>${t.text("link_of", { what: target(each), name: each.author })}</span>
      <button @click=${() => change("DELETE", `/access/links/${each.id}`)} aria-label=${t.text("end_name", { name: each.label || t.text("screen") })}>${t.text("end")}</button></li>`)}</ul>
    ${state.made ? html`<p class="made" role="status">${t.text("shown_once")} <code>${state.made}</code></p>` : nothing}
    <form @submit=${(/** @type {SubmitEvent} */ event) => submit(event, addLink)}>
      <label>${t.text("link_for")} <select name="target">
        <option value="">${t.text("screen_ward")}</option>
        ${state.subjects.map((each) => html`<option value=${`bed:${each.id}`}>${t.text("screen_bed", { bed: each.bed || each.label || each.id })}</option>`)}
        <option value="metrics">Prometheus</option></select></label>
      <label>${t.text("where")} <input name="label" maxlength="60" /></label>
      <button class="primary">${t.text("make_link")}</button>
    </form></section>`;
}

function log() {
  return html`<section aria-labelledby="h-log"><h2 id="h-log">${t.text("log")}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label=${t.text("log_lines")}><table>
      <thead><tr><th scope="col">${t.text("time")}</th><th scope="col">${t.text("who_column")}</th><th scope="col">${t.text("address")}</th><th scope="col">${t.text("what")}</th></tr></thead>
      <tbody>${state.log.map((each) => html`<tr><td>${time(each.time)}</td><td>${each.name || roleName(each.role)}</td>
        <td>${each.address}</td><td>${done(each)}</td></tr>`)}</tbody>
    </table></div></section>`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
root.replaceChildren();

function draw() {
  document.title = `${t.text("accounts")} · Teleward`;
  render(
    html`<header class="bar"><a class="button" href="/ward" aria-label=${t.text("back_to_ward")}>‹</a><h1>${t.text("accounts")}</h1></header>
      <main class="broad">
        ${state.problem ? html`<p class="error" role="alert">${t.refusal(state.problem)}</p>` : nothing}
        ${accounts()} ${sessions()} ${links()} ${log()}
        <p class="languages" role="group" aria-label=${t.text("language")}>
          ${Object.entries(LANGUAGES).map(([code, name]) => html`<button type="button" lang=${code}
            aria-pressed=${String(code === t.language)} @click=${() => speak(code)}>${name}</button>`)}
        </p>
      </main>
      <footer class="notice"><span>${t.text("not_a_device")}</span></footer>`,
    root,
  );
}

draw();
await lookUp();
await load();
