// @ts-check
/** ECG paper in millimetres: small boxes of 1 mm, large ones of 5 mm, and the calibration pulse. */

import { svg } from "../vendor/lit-html.js";

/** Of the calibration pulse: 1 mV for 200 ms at the paper's speed. */
const PULSE_MS = 200;

/** @param {number} width mm @param {number} height mm @param {number} every mm @returns {string} a path */
export function gridPath(width, height, every) {
  const parts = [];
  for (let x = 0; x <= width + 1e-6; x += every) parts.push(`M${x} 0V${height}`);
  for (let y = 0; y <= height + 1e-6; y += every) parts.push(`M0 ${y}H${width}`);
  return parts.join("");
}

/** @param {number} width mm @param {number} height mm whole large boxes */
export function paperGrid(width, height) {
  return svg`<g class="grid" aria-hidden="true">
    <path class="fine" d=${gridPath(width, height, 1)}></path>
    <path class="bold" d=${gridPath(width, height, 5)}></path>
  </g>`;
}

/**
 * @param {number} right mm where the trace begins @param {number} y mm of the baseline
 * @param {number} speed mm/s @param {number} gain mm/mV
 */
export function calibrationPulse(right, y, speed, gain) {
  const width = (PULSE_MS / 1000) * speed;
  const left = right - width - 1;
  return svg`<path class="pulse" aria-hidden="true" d=${`M${left - 0.5} ${y}H${left}V${y - gain}h${width}V${y}h0.5`}></path>`;
}
