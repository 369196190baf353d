// @ts-check
/** The part of a page's bar that names the person. */

import { t } from "../i18n/words.js";
import { html, nothing } from "../vendor/lit-html.js";
import { person } from "./me.js";

/** Who is logged in, and the way to log out; nothing at the console. */
export function whoIsHere() {
  const { name, role } = person();
  if (role === "console" || role === "nobody") return nothing;
  if (!name) return html`<span class="pill" id="who">${t("screen")}</span>`;
  return html`<a class="pill" id="who" href="/login?next=${location.pathname}" aria-label=${t("log_out_of", { name, role: t(`role_${role}`) })}
    ><span class="whole">${name}</span><span class="short" aria-hidden="true">${name.slice(0, 2)}</span></a>`;
}
