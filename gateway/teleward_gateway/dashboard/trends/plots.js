// @ts-check
/**
 * Trends as a stack of plots over one axis of time, drawn with uPlot: the mean as a line, lowest to
 * highest as a band around it, cuff pressures as bars. A line joins what follows each other; where
 * nothing was measured there is nothing.
 *
 * @typedef {import("./series.js").Grid} Grid
 * @typedef {import("./series.js").Series} Series
 * @typedef {import("./marks.js").Mark} Mark
 *
 * @typedef {object} Kind
 * @property {string} name @property {string[]} metrics @property {string} color a custom property
 * @property {[number, number]} usual shown at least
 * @property {boolean} [bars] systolic to diastolic
 */

import { color } from "./colors.js";
import { drawAlarms, drawBars, drawLimits, drawLines } from "./overlays.js";
import { tickTexts } from "./times.js";

/** The library sets a global: its module build is three times as large. */
const Plot = /** @type {any} */ (globalThis).uPlot;

export const AXIS = 46;
export const MARGIN = 12;
/** A value may be drawn over empty buckets for as long as it stood, at most so long. */
const JOINED_MS = 60e3;
const LEAST_HEIGHT = 92;
const MOST_HEIGHT = 180;

/** @type {Kind[]} */
const KINDS = [
  { name: "heart", metrics: ["heart_rate", "pulse_rate"], color: "--ecg", usual: [50, 120] },
  { name: "spo2", metrics: ["spo2"], color: "--spo2", usual: [85, 100] },
  { name: "nibp", metrics: ["nibp_systolic", "nibp_mean", "nibp_diastolic"], color: "--nibp", usual: [50, 150], bars: true },
  { name: "arterial", metrics: ["arterial_systolic", "arterial_mean", "arterial_diastolic"], color: "--abp", usual: [50, 150] },
  { name: "breathing", metrics: ["respiratory_rate"], color: "--resp", usual: [8, 30] },
  { name: "co2", metrics: ["etco2"], color: "--co2", usual: [20, 50] },
  { name: "temperature", metrics: ["body_temperature"], color: "--temp", usual: [36, 38] },
  { name: "news2", metrics: ["news2"], color: "--text", usual: [0, 8] },
];

/** @param {Grid} grid @returns {Kind[]} what has values; a pulse stands in for a heart rate */
export function kindsOf(grid) {
  const found = KINDS.map((kind) => {
    const metrics = kind.metrics.filter((name) => grid.series.has(name));
    return { ...kind, metrics: kind.name === "heart" ? metrics.slice(0, 1) : metrics };
  }).filter((kind) => kind.metrics.length);
  const drawn = new Set(KINDS.flatMap((kind) => kind.metrics));
  const others = [...grid.series.keys()].filter((name) => !drawn.has(name));
  return [...found, ...others.map((name) => ({ name, metrics: [name], color: "--text", usual: range(grid.series.get(name)) }))];
}

/** @param {Series | undefined} series @returns {[number, number]} */
function range(series) {
  const values = /** @type {number[]} */ ((series?.mean ?? []).filter((value) => value !== null));
  return [Math.min(...values), Math.max(...values)];
}

/**
 * Values as uPlot takes them: null breaks the line, undefined does not.
 * @param {(number|null)[]} values @param {number} stepMs @param {number} standsMs
 */
export function withGaps(values, stepMs, standsMs) {
  const bridged = Math.floor(Math.min(standsMs, JOINED_MS) / stepMs);
  const found = /** @type {(number|null|undefined)[]} */ ([...values]);
  let former = -Infinity;
  values.forEach((value, i) => {
    if (value === null) return;
    if (i - former - 1 <= bridged) for (let k = former + 1; k < i; k++) found[k] = undefined;
    former = i;
  });
  return found;
}

/** @param {(number|null|undefined)[]} values @returns {number[]} places with a gap on both sides */
export function lonely(values) {
  const empty = (/** @type {number} */ i) => values[i] === null || i < 0 || i >= values.length;
  return values.flatMap((value, i) => (value != null && empty(i - 1) && empty(i + 1) ? [i] : []));
}

/**
 * @typedef {object} Context
 * @property {Grid} grid @property {Mark[]} marks
 * @property {Record<string, any>} limits alarm limits of now, by metric
 * @property {Record<string, {valid: number}>} values of now, by metric
 * @property {[number, number]} span ms
 * @property {(place: number | null) => void} pointed
 * @property {(from: number, to: number) => void} zoomed ms
 */

export class Plots {
  /** @param {HTMLElement} place @param {Context} context */
  constructor(place, context) {
    this.place = place;
    this.context = context;
    /** @type {any[]} */
    this.made = [];
    this.sync = Plot.sync("trends");
  }

  /** @param {Kind[]} kinds @param {(kind: Kind) => HTMLElement} frame where each goes */
  draw(kinds, frame) {
    this.destroy();
    const room = (innerHeight - 300) / Math.max(1, kinds.length) - 26;
    const height = Math.round(Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, room)));
    kinds.forEach((kind, i) => {
      const last = i === kinds.length - 1;
      const target = frame(kind);
      target.replaceChildren();
      this.made.push(new Plot(this.options(kind, target.clientWidth, height, last), this.data(kind), target));
    });
  }

  /** @param {number} height */
  size(height) {
    for (const plot of this.made) plot.setSize({ width: plot.root.parentElement.clientWidth, height: height || plot.height });
  }

  destroy() {
    for (const plot of this.made) plot.destroy();
    this.made = [];
  }

  /** Put the cursor of every plot on a bucket. @param {number | null} place */
  point(place) {
    const time = place === null ? null : this.context.grid.times[place] / 1000;
    for (const plot of this.made) {
      plot.setCursor({ left: time === null ? -10 : plot.valToPos(time, "x"), top: 1 }, false);
    }
  }

  /** @param {Kind} kind */
  data(kind) {
    const { grid, values } = this.context;
    const columns = kind.metrics.flatMap((name) => {
      const { low, mean, high } = /** @type {Series} */ (grid.series.get(name));
      const stands = (values[name]?.valid ?? 0) * 1000;
      return [mean, low, high].map((column) => withGaps(column, grid.stepMs, stands));
    });
    return [grid.times.map((time) => time / 1000), ...columns];
  }

  /** @param {Kind} kind @param {number} width @param {number} height @param {boolean} last */
  options(kind, width, height, last) {
    const { span } = this.context;
    const line = color("--line");
    const axis = { stroke: color("--muted"), grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    return {
      width,
      height: height + (last ? 22 : 0),
      padding: [6, MARGIN, last ? 0 : 6, 0],
      legend: { show: false },
      cursor: {
        sync: { key: this.sync.key, scales: ["x", null] },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
        y: false,
      },
      scales: { x: { time: true, range: () => span.map((ms) => ms / 1000) }, y: { range: scaleOf(kind.usual) } },
      axes: [
        {
          ...axis,
          size: last ? 26 : 0,
          values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => (last ? tickTexts(ticks.map((tick) => tick * 1000)) : []),
          space: 72,
        },
        { ...axis, size: AXIS, space: 26 },
      ],
      series: [{}, ...kind.metrics.flatMap((_, i) => lines(kind, i))],
      bands: kind.bars ? [] : kind.metrics.map((_, i) => ({ series: [3 * i + 3, 3 * i + 2], fill: `${color(kind.color)}33` })),
      hooks: this.hooks(kind),
    };
  }

  /** @param {Kind} kind */
  hooks(kind) {
    const { marks, limits, pointed, zoomed } = this.context;
    return {
      drawClear: [
        (/** @type {any} */ plot) => drawLimits(plot, limits[kind.metrics[0]]),
        (/** @type {any} */ plot) => drawAlarms(plot, marks.filter((mark) => kind.metrics.includes(mark.metric ?? ""))),
      ],
      draw: [
        (/** @type {any} */ plot) => kind.bars && drawBars(plot, kind.metrics, color(kind.color)),
        (/** @type {any} */ plot) => drawLines(plot, marks, plot === this.made[0] || !this.made.length),
      ],
      setCursor: [(/** @type {any} */ plot) => plot === this.made[0] && pointed(plot.cursor.idx ?? null)],
      setSelect: [
        (/** @type {any} */ plot) => {
          const { left, width } = plot.select;
          if (width < 8) return;
          const [from, to] = [left, left + width].map((x) => plot.posToVal(x, "x") * 1000);
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          zoomed(from, to);
        },
      ],
    };
  }
}

/** At least the usual range, more where values need it. @param {[number, number]} usual */
function scaleOf(usual) {
  return (/** @type {any} */ _, /** @type {number} */ least, /** @type {number} */ most) => {
    const low = Math.min(usual[0], least ?? usual[0]);
    const high = Math.max(usual[1], most ?? usual[1]);
    const space = Math.max(high - low, 1) * 0.06;
    return [low - space, high + space];
  };
}

/** Mean, lowest and highest of one metric. @param {Kind} kind @param {number} i */
function lines(kind, i) {
  const stroke = color(kind.color);
  const hidden = { stroke: "transparent", width: 0, points: { show: false } };
  if (kind.bars) return [hidden, hidden, hidden].map((each) => ({ ...each, paths: () => null }));
  const points = {
    show: true,
    size: 6,
    fill: stroke,
    filter: (/** @type {any} */ plot, /** @type {number} */ series) => lonely(plot.data[series]),
  };
  return [{ stroke, width: i === 1 ? 1 : 2, dash: i === 1 ? [4, 3] : undefined, points }, hidden, hidden];
}
