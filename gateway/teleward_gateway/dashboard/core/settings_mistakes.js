// @ts-check
/** What of the settings file is not carried out, shown where people look: the ward, the devices. */

import { call } from "./api.js";
import { person } from "./me.js";
import { t } from "../i18n/words.js";
import { html, nothing, render } from "../vendor/lit-html.js";

const AGAIN_MS = 30_000;

/** Shows the mistakes in `place`, and looks again now and then. @param {HTMLElement} place */
export function watchSettings(place) {
  /** @type {any[]} */
  let shown = [];
  const look = async () => {
    if (document.hidden || person().hidden.includes("devices")) return;
    shown = await call("GET", "/settings/mistakes").catch(() => shown);
    render(shown.length ? notice(shown) : nothing, place);
  };
  void look();
  setInterval(look, AGAIN_MS);
}

/** @param {any[]} mistakes */
function notice(mistakes) {
  const n = mistakes.length;
  return html`<details class="mistakes" role="alert" open>
    <summary>${n > 1 ? t("mistakes", { n }) : t("mistake")}</summary>
    <ul>
      ${mistakes.map((row) => html`<li lang="en"><b>${t("line", { n: row.line })}</b>, <code>${row.key}</code>: ${row.problem}</li>`)}
    </ul>
  </details>`;
}
