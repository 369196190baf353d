// @ts-check
/** The part of a page's bar that names the person. */

import { html, nothing } from "../vendor/lit-html.js";
import { person } from "./me.js";

/** Who is logged in, and the way to log out; nothing at the console. */
export function whoIsHere() {
  const { name, role } = person();
  if (role === "console" || role === "nobody") return nothing;
  if (!name) return html`<span class="pill" id="who">Screen</span>`;
  return html`<a class="pill" id="who" href="/login?next=${location.pathname}" aria-label="${name}, ${role}: log out"
    ><span class="whole">${name}</span><span class="short" aria-hidden="true">${name.slice(0, 2)}</span></a>`;
}
