// @ts-check
/** The choice of language, at the foot of a page and in its list of keys. */

import { LANGUAGES, choose, fillIn, language, t } from "../i18n/words.js";
import { html, render } from "../vendor/lit-html.js";

/** One button a language, each in its own words. */
export function languageButtons() {
  return html`<span class="languages" role="group" aria-label=${t("language")}
    >${Object.entries(LANGUAGES).map(
      ([code, name]) => html`<button type="button" lang=${code} aria-pressed=${String(code === language)} @click=${() => choose(code)}>${name}</button>`,
    )}</span
  >`;
}

/** Fill in the texts that stand in the page's file, and offer the languages in its foot. */
export function startLanguage() {
  fillIn();
  const place = document.querySelector(".language-choice");
  if (place instanceof HTMLElement) render(languageButtons(), place);
}
