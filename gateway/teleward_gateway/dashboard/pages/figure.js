// @ts-check
/** The patient as a drawing: breath, effort and colour in coarse steps, as a camera would show. */

import { html, svg } from "../vendor/lit-html.js";

const STEPS_PER_S = 8;
const CENTRE = "100 150";
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** Seconds of one breath of the drawing, in coarse steps; 0 for no breath. @param {number} breaths a minute */
function pace(breaths) {
  if (breaths < 4) return 0;
  return breaths < 14 ? 5 : breaths < 22 ? 3.2 : breaths < 34 ? 1.9 : 1.3;
}

/**
 * Move the chest of the drawing: eight pictures a second, where an animation of the style sheet
 * took 60 and more of a phone's processor than everything else on the page together.
 * @param {HTMLElement} root @param {number} nowMs
 */
export function breathe(root, nowMs) {
  const chest = /** @type {SVGElement|null} */ (root.querySelector(".breathing"));
  if (!chest) return;
  const seconds = Number(chest.dataset.pace);
  const step = Math.floor((nowMs / 1000) * STEPS_PER_S) / STEPS_PER_S;
  const full = seconds && !STILL.matches ? (1 - Math.cos((2 * Math.PI * step) / seconds)) / 2 : 0;
  const scale = `scale(${(1 + 0.05 * full).toFixed(3)} ${(1 + 0.03 * full).toFixed(3)})`;
  const wanted = `translate(${CENTRE}) ${scale} translate(-100 -150)`;
  if (chest.getAttribute("transform") !== wanted) chest.setAttribute("transform", wanted);
}

/** @param {number[]} from @param {number[]} to @param {number} share */
function mix(from, to, share) {
  return `rgb(${from.map((each, i) => Math.round(each + (to[i] - each) * share)).join(",")})`;
}

/**
 * @param {{breaths: number, effort: number, blue: number, sweat: number}} look
 * @param {import("../i18n/catalogue.js").Catalogue} t
 */
export function figure(look, t) {
  const skin = mix([176, 121, 84], [134, 118, 128], look.blue * 0.75);
  const lips = mix([158, 74, 70], [86, 78, 132], look.blue);
  const words = t.text("drawing_text", {
    n: look.breaths,
    colour: t.text(look.blue >= 0.5 ? "colour_blue" : "colour_normal"),
    effort: t.text(look.effort >= 0.5 ? "effort_high" : "effort_low"),
  });
  return html`<figure class="figure glass card">
    <svg viewBox="0 0 200 190" role="img" aria-label=${words}>
      <rect x="8" y="160" width="184" height="24" rx="8" fill="#25303c" />
      <g class="breathing" data-pace=${pace(look.breaths)}>
        <path d="M58 168c-2-34 2-58 42-62 40 4 44 28 42 62z" fill="#7fa0c4" />
        <path d="M86 108l14 14 14-14" fill="none" stroke="#5c7da3" stroke-width="3" />
        <path d="M60 116c-20 8-26 32-24 50h14c0-20 4-32 16-38zM140 116c20 8 26 32 24 50h-14c0-20-4-32-16-38z" fill="#6f92b8" />
      </g>
      <path d="M88 84h24v22c-4 8-20 8-24 0z" fill=${skin} />
      ${look.effort >= 0.5
        ? svg`<path d="M92 90l4 18M108 90l-4 18" stroke="#333" stroke-width="2.4" stroke-linecap="round" />`
        : null}
      <ellipse cx="100" cy="60" rx="27" ry="32" fill=${skin} />
      <path d="M72 56c-4-36 60-38 56 0-4-12-10-18-28-18s-24 6-28 18z" fill="#2c2522" />
      <circle cx="89" cy="60" r="2.6" fill="#2c2522" /><circle cx="111" cy="60" r="2.6" fill="#2c2522" />
      <ellipse cx="100" cy="79" rx="8" ry=${3 + look.effort * 4} fill=${lips} />
      ${look.sweat >= 0.25
        ? svg`<path d="M76 44c-3 5-3 8 0 8s3-3 0-8zM125 48c-3 5-3 8 0 8s3-3 0-8z" fill="#bfe3ff" />`
        : null}
    </svg>
    <figcaption><small>${t.text("drawing")}. ${words}</small></figcaption>
  </figure>`;
}
