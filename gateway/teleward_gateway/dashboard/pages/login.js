// @ts-check
/** The login: name and password; who is logged in, their log-out and their password. */

import { LANGUAGES, loadTexts } from "../core/access_texts.js";
import { call } from "../core/api.js";
import { lookUp } from "../core/me.js";
import { html, nothing, render } from "../vendor/lit-html.js";

const query = new URLSearchParams(location.search);
let t = await loadTexts();
let me = await lookUp();
// what a page kept for when the gateway is away does not outlast a login
if (me.role === "nobody") localStorage.removeItem("teleward.last-known");
const state = { problem: /** @type {unknown} */ (null), notice: "", busy: false, visible: false, changing: false };

/** Only pages of this gateway: what stands in the address may come from anybody. */
function next() {
  const wanted = query.get("next") ?? "";
  const there = /^\/[^/\\]/.test(wanted) ? new URL(wanted, location.origin) : null;
  return there?.origin === location.origin && there.pathname !== "/login" ? there.pathname : "/";
}

/** @param {string} language */
async function speak(language) {
  t = await loadTexts(language);
  draw();
}

/** @param {SubmitEvent} event */
async function logIn(event) {
  event.preventDefault();
  const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
  await attempt(async () => {
    await call("POST", "/access/login", { name: data.get("name"), password: data.get("password") });
    location.assign(next());
  });
}

async function logOut() {
  await attempt(async () => {
    await call("POST", "/access/logout");
    location.assign("/login");
  });
}

/** @param {SubmitEvent} event */
async function changePassword(event) {
  event.preventDefault();
  const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
  await attempt(async () => {
    await call("PUT", "/access/password", { password: data.get("password"), next: data.get("next") });
    me = await lookUp();
    state.changing = false;
    state.notice = t.text("password_changed");
  });
}

/** @param {() => Promise<void>} action */
async function attempt(action) {
  Object.assign(state, { busy: true, problem: null, notice: "" });
  draw();
  try {
    await action();
  } catch (error) {
    state.problem = error;
  }
  state.busy = false;
  draw();
}

/** @param {string} name @param {string} label @param {string} complete */
function passwordField(name, label, complete) {
  return html`<label class="field" for=${name}>${label}</label>
    <span class="secret">
      <input id=${name} name=${name} type=${state.visible ? "text" : "password"} required maxlength="200"
        autocomplete=${complete} autocapitalize="none" spellcheck="false" />
      <button type="button" aria-pressed=${String(state.visible)} @click=${() => { state.visible = !state.visible; draw(); }}
        >${t.text(state.visible ? "hide_password" : "show_password")}</button>
    </span>`;
}

function stranger() {
  return html`<h1>${t.text("login_title")}</h1>
    <p class="quiet">${t.text("watches_nothing")}</p>
    <form @submit=${logIn}>
      <label class="field" for="name">${t.text("name")}</label>
      <input id="name" name="name" required maxlength="80" autocomplete="username" autocapitalize="words" />
      ${passwordField("password", t.text("password"), "current-password")}
      <button class="primary big" ?disabled=${state.busy}>${t.text("log_in")}</button>
    </form>
    <p class="quiet">${t.text("forgot")}</p>`;
}

function known() {
  const page = query.get("next") ?? "";
  const may = me.role !== "console";
  return html`<h1>${t.text("who_title")}</h1>
    <p class="who"><b>${t.text("who", { name: me.name || "–", role: t.text(`role_${me.role}`) })}</b></p>
    ${query.get("refused") ? html`<p class="error" role="alert">${t.text("page_refused", { page })}</p>` : nothing}
    ${state.changing ? passwords() : html`
      <a class="button primary big" href=${query.get("refused") ? "/" : next()}>${t.text("go_on")}</a>
      ${may && me.name ? html`
        <button class="big" @click=${() => { state.changing = true; draw(); }}>${t.text("change_password")}</button>` : nothing}
      ${may ? html`<button class="big" id="log-out" @click=${logOut}>${t.text("log_out")}</button>` : nothing}`}`;
}

function passwords() {
  return html`<form @submit=${changePassword}>
    <input class="hidden-text" name="username" autocomplete="username" .value=${me.name} tabindex="-1" aria-hidden="true" readonly />
    ${passwordField("password", t.text("password_now"), "current-password")}
    ${passwordField("next", t.text("password_next"), "new-password")}
    <p class="quiet">${t.text("password_rule")}</p>
    <button class="primary big" ?disabled=${state.busy}>${t.text("save")}</button>
    <button class="big" type="button" @click=${() => { state.changing = false; draw(); }}>${t.text("cancel")}</button>
  </form>`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
root.replaceChildren();

function draw() {
  document.title = `${t.text("login_title")} · Teleward`;
  const isKnown = me.role !== "nobody" && me.role !== "learner" && (me.role !== "console" || query.has("refused"));
  render(
    html`<main>
        ${isKnown ? known() : stranger()}
        ${state.problem ? html`<p class="error" role="alert">${t.refusal(state.problem)}</p>` : nothing}
        ${state.notice ? html`<p class="notice-line" role="status">${state.notice}</p>` : nothing}
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
