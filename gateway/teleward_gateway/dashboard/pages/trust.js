// @ts-check
/** How to trust the gateway's certificate, in three steps. */

import { LANGUAGES, loadTexts } from "../core/access_texts.js";
import { call } from "../core/api.js";
import { html, nothing, render } from "../vendor/lit-html.js";

let t = await loadTexts();
let problem = "";
const trust = await call("GET", "/access/trust").catch((error) => {
  problem = error.message;
  return null;
});

/** @param {string} language */
async function speak(language) {
  t = await loadTexts(language);
  draw();
}

const PICTURES = /** @type {Record<string, string>} */ ({
  get: "M14 4h20v40H14z M20 38h8 M24 10v16 M18 20l6 6 6-6",
  install: "M14 4h20v40H14z M20 38h8 M24 12a6 6 0 100 12 6 6 0 000-12z M21 23v8l3-2 3 2v-8",
  compare: "M4 18h40v14H4z M10 25v4h8v-4z M11 25v-2a3 3 0 016 0v2 M22 27h16",
});

/** @param {string} name */
function picture(name) {
  return html`<svg class="picture" viewBox="0 0 48 48" role="img" aria-label=${t.text(`picture_${name}`)}>
    <path d=${PICTURES[name]} /></svg>`;
}

function steps() {
  return html`<ol class="steps">
    <li>${picture("get")}
      <div><h2>${t.text("step_get")}</h2><p>${t.text("step_get_text")}</p>
        <p class="both"><a class="button primary" href="/trust/ca.crt" download="teleward-ca.crt">${t.text("get_button")}</a>
          <img class="qr" src="/trust/qr.svg" width="120" height="120" alt=${t.text("code_alt")} /></p></div></li>
    <li>${picture("install")}
      <div><h2>${t.text("step_install")}</h2>
        <p>${t.text("step_install_android")}</p><p>${t.text("step_install_iphone")}</p>
        <p>${t.text("step_install_computer")}</p></div></li>
    <li>${picture("compare")}
      <div><h2>${t.text("step_compare")}</h2><p>${t.text("step_compare_text")}</p>
        <p><code>${trust.fingerprint}</code></p>
        <p><a class="button primary" id="open" href=${trust.address}>${t.text("open_ward")}</a></p></div></li>
  </ol>`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
root.replaceChildren();

function draw() {
  document.title = `${t.text("trust_title")} · Teleward`;
  render(
    html`<main class="broad">
        <h1>${t.text("trust_title")}</h1>
        ${problem ? html`<p class="error" role="alert">${problem}</p>` : nothing}
        ${trust?.made ? html`<p>${t.text("trust_why")}</p>${steps()}` : nothing}
        ${trust && !trust.made ? html`<p>${t.text("trust_none")}</p>
          <p><a class="button primary" id="open" href=${trust.address}>${t.text("open_ward")}</a></p>` : nothing}
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
