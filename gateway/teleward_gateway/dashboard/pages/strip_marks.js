// @ts-check
/** What happened within a strip, as a list. */

import { clockTime } from "../i18n/format.js";
import { html } from "../vendor/lit-html.js";
import { flagged } from "./strip_sheet.js";

/**
 * @typedef {import("./strip_sheet.js").Text} Text
 * @typedef {import("../waves/record.js").Stretch} Stretch
 */

/** @param {Stretch} stretch @param {Text} t */
export function markList({ startMs, marks }, t) {
  const flags = flagged(marks);
  if (!flags.length) return null;
  return html`<ol class="marks" aria-label=${t("marks")}>
    ${flags.map(({ at, until, kind, text, author: by, state, priority }) => {
      const length = until && until - at >= 1 ? t("lasting", { seconds: (until - at) / 1000 }) : "";
      const what = kind === "alarm" ? t(`alarm_${state || "on"}`) : t(`mark_${kind}`);
      return html`<li data-kind=${kind} data-priority=${priority}>
        <time>${clockTime(startMs + at)}</time> <b>${what}</b> ${text}
        <small>${[length, by].filter(Boolean).join(" · ")}</small>
      </li>`;
    })}
  </ol>`;
}
