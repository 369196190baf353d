// @ts-check
/** Which waveforms of a subject are drawn, in which colour, and where on the canvas. */

import { EcgFilter } from "./ecg_filter.js";
import { Sweep, makeLane } from "./sweep.js";

/** @typedef {import("../core/state.js").Subject} Subject */
/** @typedef {import("./waves.js").Channel} Channel */

const ECG = ["ecg_ii", "ecg_i", "ecg_iii", "ecg_v1", "ecg_v5", "ecg_avr", "ecg_avl", "ecg_avf",
  "ecg_v2", "ecg_v3", "ecg_v4", "ecg_v6"];
/** One trace of each group is enough: the first that there is. */
const GROUPS = [["pleth", "ppg_infrared", "ppg_red"], ["arterial_pressure"], ["respiration", "capnogram"]];

const COLORS = /** @type {Record<string, string>} */ ({
  pleth: "--spo2",
  ppg_infrared: "--spo2",
  ppg_red: "--spo2",
  arterial_pressure: "--abp",
  respiration: "--resp",
  capnogram: "--co2",
});

/** @param {string} metric @returns {string} name of the colour token */
export function colorOf(metric) {
  return metric.startsWith("ecg") ? "--ecg" : (COLORS[metric] ?? "--muted");
}

/**
 * The channels to draw: one ECG lead, one of each group, then further leads.
 * @param {Subject} subject @param {number} most @returns {Channel[]}
 */
export function chooseChannels(subject, most) {
  const found = new Map([...subject.waves.channels.values()].map((c) => [c.description.metric, c]));
  const leads = ECG.filter((metric) => found.has(metric));
  const others = GROUPS.map((group) => group.find((metric) => found.has(metric))).filter((m) => m);
  const spare = Math.max(1, most - others.length);
  const chosen = [...leads.slice(0, spare), ...others].slice(0, most);
  return chosen.map((metric) => /** @type {Channel} */ (found.get(/** @type {string} */ (metric))));
}

/** @param {Subject} subject @param {Channel} channel @returns {string} */
export function channelLabel(subject, channel) {
  const { metric, label } = channel.description;
  return subject.info.channel_labels?.[metric] ?? label;
}

/** Device pixels per CSS pixel, at most two: more costs drawing and shows nothing. */
function pixelRatio() {
  return Math.min(devicePixelRatio, 2);
}

/** The canvas of one subject. */
export class Traces {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Subject} subject
   * @param {{most: number, background: string, lineWidth: number, gap: number, labelSpace: number,
   *   pixelsPerSecond: number, longest: number, calibrated: boolean}} look in CSS pixels
   */
  constructor(canvas, subject, look) {
    this.canvas = canvas;
    this.subject = subject;
    this.look = look;
    const context = /** @type {CanvasRenderingContext2D} */ (
      canvas.getContext("2d", { alpha: false, desynchronized: true })
    );
    this.sweep = new Sweep(context, { background: look.background, lineWidth: 1, gapPixels: 1 });
    this.version = -1;
    this.cleared = false;
    this.width = 0;
    this.height = 0;
    /** Device pixels per CSS pixel of this layout: what is placed over the canvas uses it too. */
    this.ratio = 1;
    /** @type {import("./ecg_filter.js").FilterChoice} */
    this.filter = { band: "off", notchHz: 0 };
    /** Called after a new layout: the page places its labels. */
    this.onLayout = () => {};
  }

  /** Take the size of the canvas element again. */
  resize() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = pixelRatio();
    const width = Math.max(1, Math.round(box.width * ratio));
    const height = Math.max(1, Math.round(box.height * ratio));
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    this.ratio = ratio;
    const shownTo = this.sweep.cursor;
    this.canvas.width = this.width = width;
    this.canvas.height = this.height = height;
    this.layOut();
    // a new size clears the canvas: it is never empty until the next frame
    if (shownTo > 0) this.sweep.repaint(shownTo);
  }

  /** Filter the ECG from here on and what is on the screen. @param {Traces["filter"]} choice */
  setFilter(choice) {
    this.filter = choice;
    const shownTo = this.sweep.cursor;
    for (const channel of this.subject.waves.channels.values()) channel.filterBy(this.filterOf(channel));
    this.layOut();
    if (shownTo > 0) this.sweep.repaint(shownTo);
  }

  /** @param {Channel} channel */
  filterOf({ description: { metric, fs } }) {
    const { band, notchHz } = this.filter;
    return metric.startsWith("ecg") && (band !== "off" || notchHz) ? new EcgFilter(this.filter, fs) : null;
  }

  layOut() {
    const { ratio } = this;
    const style = getComputedStyle(this.canvas);
    const channels = chooseChannels(this.subject, this.look.most);
    this.version = this.subject.waves.version;
    for (const channel of channels) {
      if (!channel.filter) channel.filterBy(this.filterOf(channel));
    }
    const weights = channels.map((c) => (c.description.metric.startsWith("ecg") ? 1.3 : 1));
    const total = Math.max(weights.reduce((sum, weight) => sum + weight, 0), this.look.calibrated ? 2.3 : 1.6);
    let top = 0;
    const lanes = channels.map((channel, place) => {
      const height = (this.height * weights[place]) / total;
      const color = style.getPropertyValue(colorOf(channel.description.metric)).trim();
      const space = this.look.labelSpace * ratio;
      const lane = makeLane(channel, Math.round(top + space), Math.round(height - space - 3 * ratio), color);
      if (this.look.calibrated && channel.description.unit === "mV") {
        lane.unitSteps = [20, 10, 5, 2.5, 1.25].map((gain) => gain * this.look.pixelsPerSecond * ratio / 25);
      }
      top += height;
      return lane;
    });
    const seconds = Math.min(this.width / ratio / this.look.pixelsPerSecond, this.look.longest);
    this.sweep.look.lineWidth = this.look.lineWidth * ratio;
    this.sweep.look.gapPixels = Math.round(this.look.gap * ratio);
    this.sweep.layOut(lanes, Math.max(2, seconds));
    this.onLayout();
  }

  /**
   * Draw up to now.
   * @param {number} nowMs the gateway's time @returns {number} time of the newest sample drawn
   */
  frame(nowMs) {
    // a window comes to a screen of another density, or is zoomed, without any event in some browsers
    if (pixelRatio() !== this.ratio) this.resize();
    if (this.version !== this.subject.waves.version) this.layOut();
    if (!this.sweep.lanes.length) {
      if (!Number.isNaN(this.sweep.cursor) || !this.cleared) {
        this.sweep.repaint(NaN);
        this.cleared = true;
      }
      return NaN;
    }
    this.sweep.frame(this.subject.waves.playTime(nowMs));
    return this.sweep.newestMs;
  }
}
