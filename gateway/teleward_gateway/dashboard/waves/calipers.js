// @ts-check
/**
 * Two calipers on the paper: dragged by mouse or finger, moved by keys, marched out.
 *
 *     a ------ b            the interval; its middle moves both
 *     a ------ b - - - | - - - |      marched out: the same interval again and again
 */

import { render, svg } from "../vendor/lit-html.js";
import { MARKS, timeAt, xOf } from "./paper.js";

/** @typedef {import("./paper.js").Paper} Paper */
/** @typedef {"a"|"b"|"both"} Handle */

/** Half of what a finger or a mouse can take hold of, mm. */
const GRIP = 4;
const SHORTEST_MARCH = 40;

export class Calipers {
  /** @param {() => void} changed called when one has moved */
  constructor(changed) {
    this.changed = changed;
    /** ms from the begin of the stretch */
    this.a = 1000;
    this.b = 1200;
    /** From sample to sample, ms: calipers stand on samples. */
    this.step = 4;
    this.ms = 10000;
    this.marching = false;
    this.words = { a: "", b: "", both: "" };
    /** @type {Handle | null} */
    this.held = null;
    this.heldAt = 0;
    /** @type {{element: SVGGElement, paper: Paper}[]} */
    this.sheets = [];
    addEventListener("pointerup", () => (this.held = null));
    addEventListener("pointercancel", () => (this.held = null));
  }

  get interval() {
    return this.b - this.a;
  }

  /** @param {Handle} handle @param {number} to ms */
  move(handle, to) {
    const stand = (/** @type {number} */ at) =>
      Math.min(Math.max(Math.round(at / this.step) * this.step, 0), this.ms);
    const length = handle === "both" ? this.interval : this.step;
    // one that meets the other takes it along
    if (handle === "b") {
      this.b = Math.max(stand(to), this.step);
      this.a = Math.min(this.a, this.b - length);
    } else {
      this.a = Math.min(stand(to), this.ms - length);
      this.b = handle === "both" ? this.a + length : Math.max(this.b, this.a + length);
    }
    this.changed();
    this.draw();
  }

  /** @param {number} a @param {number} b */
  place(a, b) {
    this.a = a;
    this.b = b;
    this.draw();
  }

  /** @param {PointerEvent} event @param {Handle} handle @param {Paper} paper */
  take(event, handle, paper) {
    event.preventDefault();
    /** @type {SVGElement} */ (event.currentTarget).focus();
    this.held = handle;
    // it keeps its distance from where it was taken hold of
    this.heldAt = this.timeOf(event, paper) - (handle === "b" ? this.b : this.a);
    const target = /** @type {SVGElement} */ (event.currentTarget);
    if (target.setPointerCapture) target.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event @param {Paper} paper */
  drag(event, paper) {
    if (!this.held) return;
    this.move(this.held, this.timeOf(event, paper) - this.heldAt);
  }

  /** @param {PointerEvent} event @param {Paper} paper @returns {number} ms */
  timeOf(event, paper) {
    const sheet = /** @type {SVGSVGElement} */ (/** @type {SVGElement} */ (event.currentTarget).ownerSVGElement);
    const box = sheet.getBoundingClientRect();
    const mm = paper.width / box.width;
    return timeAt(paper, (event.clientX - box.left) * mm, (event.clientY - box.top) * mm);
  }

  /** Arrow keys move by a sample, with Shift by a millimetre. @param {KeyboardEvent} event @param {Handle} handle @param {Paper} paper */
  press(event, handle, paper) {
    const direction = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 })[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = handle === "b" ? this.b : this.a;
    if (direction) this.move(handle, from + direction * (event.shiftKey ? 1000 / paper.speed : this.step));
    else if (event.key === "Home") this.move(handle, 0);
    else if (event.key === "End") this.move(handle, this.ms);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  draw() {
    for (const { element, paper } of this.sheets) render(this.drawing(paper), element);
  }

  /** @param {Paper} paper */
  drawing(paper) {
    return svg`${this.marching ? this.marched(paper) : null}${paper.bands.map((band) => this.span(paper, band))}
      ${this.handle(paper, "a", this.a)}${this.handle(paper, "b", this.b)}`;
  }

  /** The shaded interval on one band. @param {Paper} paper @param {import("./paper.js").Band} band */
  span(paper, band) {
    const from = Math.max(this.a, band.from);
    const until = Math.min(this.b, band.until);
    if (until <= from) return null;
    const left = xOf(paper, band, from);
    const width = xOf(paper, band, until) - left;
    const top = band.top + MARKS - 4;
    return svg`<rect class="span" x=${left} y=${top} width=${width} height=${band.bottom - top} tabindex="0" role="slider"
        aria-label=${this.words.both} aria-valuemin="0" aria-valuemax=${this.ms} aria-valuenow=${Math.round(this.a)}
        aria-valuetext=${`${Math.round(this.interval)} ms`}
        @pointerdown=${(/** @type {PointerEvent} */ event) => this.take(event, "both", paper)}
        @pointermove=${(/** @type {PointerEvent} */ event) => this.drag(event, paper)}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.press(event, "both", paper)}></rect>
      <text class="length" x=${left + width / 2} y=${top - 0.8} text-anchor="middle">${Math.round(this.interval)} ms</text>`;
  }

  /** @param {Paper} paper @param {"a"|"b"} name @param {number} at */
  handle(paper, name, at) {
    const band = paper.bands.find(({ until }) => at <= until) ?? paper.bands[0];
    const x = xOf(paper, band, at);
    // the grips lie outside of the interval, so that both can be taken however short it is
    const left = name === "a" ? x - 2 * GRIP + 1 : x - 1;
    return svg`<g class="caliper" data-caliper=${name} tabindex="0" role="slider" aria-label=${this.words[name]}
        aria-valuemin="0" aria-valuemax=${this.ms} aria-valuenow=${Math.round(at)}
        aria-valuetext=${`${(at / 1000).toFixed(3)} s`}
        @pointerdown=${(/** @type {PointerEvent} */ event) => this.take(event, name, paper)}
        @pointermove=${(/** @type {PointerEvent} */ event) => this.drag(event, paper)}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.press(event, name, paper)}>
      <rect class="grip" x=${left} y=${band.top} width=${2 * GRIP} height=${band.bottom - band.top}></rect>
      <path d=${`M${x} ${band.top + MARKS - 4}V${band.bottom}`}></path>
      <circle cx=${x} cy=${band.bottom - 1.6} r="1.6"></circle>
    </g>`;
  }

  /** @param {Paper} paper */
  marched(paper) {
    if (this.interval < SHORTEST_MARCH) return null;
    const places = /** @type {number[]} */ ([]);
    for (let at = this.a - this.interval; at >= 0; at -= this.interval) places.push(at);
    for (let at = this.b + this.interval; at <= this.ms; at += this.interval) places.push(at);
    const lines = paper.bands.flatMap((band) =>
      places
        .filter((at) => at >= band.from && at < band.until)
        .map((at) => `M${xOf(paper, band, at)} ${band.top + MARKS - 4}V${band.bottom}`),
    );
    return svg`<path class="march" d=${lines.join("")}></path>`;
  }
}
