// @ts-check
/** What is drawn beside the lines of a trend: limits, alarms, notes, cuff pressures. */

import { color } from "./colors.js";
import { isLine } from "./marks.js";

/** @typedef {import("./marks.js").Mark} Mark */

const ALARM_COLORS = /** @type {Record<string, string>} */ ({ high: "--alarm-high", medium: "--alarm-medium", low: "--alarm-low" });

/** @param {any} plot @param {(context: CanvasRenderingContext2D, box: {left: number, top: number, width: number, height: number}) => void} act */
function inside(plot, act) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  act(ctx, bbox);
  ctx.restore();
}

/** The alarm limits of now as a band between low and high. @param {any} plot @param {any} limits */
export function drawLimits(plot, limits) {
  const [low, high] = [limits?.low ?? limits?.very_low ?? null, limits?.high ?? limits?.very_high ?? null];
  if (low === null && high === null) return;
  inside(plot, (context, box) => {
    const place = (/** @type {number} */ value) => plot.valToPos(value, "y", true);
    const top = high === null ? box.top : place(high);
    const bottom = low === null ? box.top + box.height : place(low);
    context.fillStyle = color("--band");
    context.fillRect(box.left, top, box.width, bottom - top);
    context.strokeStyle = color("--band-edge");
    context.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const y of [high === null ? NaN : top, low === null ? NaN : bottom].filter(Number.isFinite)) {
      context.beginPath();
      context.moveTo(box.left, y);
      context.lineTo(box.left + box.width, y);
      context.stroke();
    }
  });
}

/** Alarms of the plot's own metrics as bars at its upper edge. @param {any} plot @param {Mark[]} marks */
export function drawAlarms(plot, marks) {
  inside(plot, (context, box) => {
    for (const { priority, time, until } of marks) {
      const x = plot.valToPos(time / 1000, "x", true);
      const end = until === null ? box.left + box.width : plot.valToPos(until / 1000, "x", true);
      context.fillStyle = color(ALARM_COLORS[priority ?? ""] ?? "--edge");
      context.fillRect(x, box.top, Math.max(end - x, 2 * devicePixelRatio), 5 * devicePixelRatio);
    }
  });
}

const LABEL = 28;

/**
 * Notes and changes of limits, each a line through the plot.
 * @param {any} plot @param {Mark[]} marks @param {boolean} named whether notes stand beside their lines
 */
export function drawLines(plot, marks, named) {
  inside(plot, (context, box) => {
    context.font = `600 ${12 * devicePixelRatio}px system-ui`;
    context.fillStyle = color("--text");
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.strokeStyle = color("--accent");
    context.lineWidth = devicePixelRatio;
    context.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    let free = box.left;
    for (const { time, text, kind } of marks.filter(isLine)) {
      const x = Math.round(plot.valToPos(time / 1000, "x", true)) + 0.5;
      const label = text.length > LABEL ? `${text.slice(0, LABEL - 1)}…` : text;
      const width = context.measureText(label).width;
      const begin = Math.min(x + 4 * devicePixelRatio, box.left + box.width - width);
      if (named && kind === "note" && begin > free) {
        context.fillText(label, begin, box.top + 13 * devicePixelRatio);
        free = begin + width;
      }
      context.beginPath();
      context.moveTo(x, box.top);
      context.lineTo(x, box.top + box.height);
      context.stroke();
    }
  });
}

/**
 * Pressures of a cuff: a bar from systolic to diastolic, a dot for the mean.
 * @param {any} plot @param {string[]} metrics of its series, in threes @param {string} stroke
 */
export function drawBars(plot, metrics, stroke) {
  const column = (/** @type {string} */ name, /** @type {number} */ part) => {
    const at = metrics.indexOf(name);
    return at < 0 ? [] : plot.data[1 + 3 * at + part];
  };
  const [upper, lower, middle] = [column("nibp_systolic", 2), column("nibp_diastolic", 1), column("nibp_mean", 0)];
  inside(plot, (context) => {
    context.strokeStyle = context.fillStyle = stroke;
    context.lineWidth = 2 * devicePixelRatio;
    const places = upper.flatMap((/** @type {number | null} */ value, /** @type {number} */ i) => (value == null ? [] : [i]));
    const apart = (plot.bbox.width / plot.data[0].length) * Math.min(...places.slice(1).map((/** @type {number} */ place, /** @type {number} */ i) => place - places[i]));
    const foot = Math.min(4 * devicePixelRatio, apart / 3);
    plot.data[0].forEach((/** @type {number} */ time, /** @type {number} */ i) => {
      const [high, low] = [upper[i] ?? lower[i], lower[i] ?? upper[i]];
      if (high == null || low == null) return;
      const x = plot.valToPos(time, "x", true);
      const [top, bottom] = [high, low].map((value) => plot.valToPos(value, "y", true));
      context.beginPath();
      for (const y of [top, bottom]) {
        context.moveTo(x - foot, y);
        context.lineTo(x + foot, y);
      }
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.stroke();
      if (middle[i] == null) return;
      context.beginPath();
      context.arc(x, plot.valToPos(middle[i], "y", true), 2.5 * devicePixelRatio, 0, 2 * Math.PI);
      context.fill();
    });
  });
}
