// @ts-check
/** A small line of the last minutes. */

import { html } from "../vendor/lit-html.js";

const WIDTH = 72;
const HEIGHT = 22;

/** @param {number[]} values @param {string} style class that colours it */
export function spark(values, style) {
  if (values.length < 2) return null;
  const low = Math.min(...values);
  const span = Math.max(Math.max(...values) - low, 1);
  const points = values
    .map((value, place) => {
      const x = (place / (values.length - 1)) * WIDTH;
      const y = HEIGHT - 2 - ((value - low) / span) * (HEIGHT - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
  return html`<svg class=${style} width=${WIDTH} height=${HEIGHT} aria-hidden="true"
    ><polyline points=${points} fill="none" stroke="currentColor" stroke-width="1.6" /></svg>`;
}
