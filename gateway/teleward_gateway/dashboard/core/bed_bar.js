// @ts-check
/** The top bar of the pages behind a bed: where one is, the most urgent alarm, the way to the others. */

import { MARKS, alarmClass, topAlarm } from "../alarms/priorities.js";
import { bedName } from "../i18n/format.js";
import { html } from "../vendor/lit-html.js";

/** Pages of a bed by the keys of their names in the catalogue. */
const PAGES = /** @type {[string, string][]} */ ([
  ["monitor", ""],
  ["strip", "/strip"],
  ["trends", "/trends"],
  ["news2", "/news2"],
]);

/**
 * @param {import("./shell.js").Shell} shell @param {string} id of the subject
 * @param {(key: string, values?: Record<string, any>) => string} t @param {string} here this page's name
 */
export function bedBar(shell, id, t, here) {
  const subject = shell.ward.subjects.get(id);
  const { bed = "", label = "", detail = "" } = subject?.info ?? {};
  const who = [label === bed ? "" : label, detail].filter(Boolean).join(" · ");
  const alarms = (subject?.alarms ?? []).filter((each) => each.priority !== "info");
  const alarm = topAlarm(alarms);
  const base = `/bed/${encodeURIComponent(id)}`;
  return html`<a class="button back" href=${base} aria-label=${t("back")} aria-keyshortcuts="b">‹</a>
    <h1>${t(`page_${here}`)} · ${subject ? bedName(bed) : t("nobody_here")}</h1>
    ${who ? html`<span class="pill who" title=${who}>${who}</span>` : null}
    <nav class="tabs" aria-label=${t("pages")}>
      ${PAGES.map(
        ([name, path]) => html`<a class="button" href=${base + path} aria-current=${name === here ? "page" : "false"}>${t(`tab_${name}`)}</a>`,
      )}
    </nav>
    ${alarm
      ? html`<span id="message" class=${alarmClass(alarm)}><b aria-hidden="true">${MARKS[alarm.priority]}</b><span>${alarm.text}</span>${
          alarms.length > 1 ? html`<small>+${alarms.length - 1}</small>` : null
        }</span>`
      : null}
    <span class="space"></span>${shell.simulation(subject?.info.simulated ?? false)} ${shell.soundButton()} ${shell.status()}`;
}
