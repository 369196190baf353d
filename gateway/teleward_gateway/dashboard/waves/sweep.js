// @ts-check
/**
 * Incremental sweep on a 2D canvas: each frame erases a bar ahead of the cursor and draws only the
 * samples that are new (about six times cheaper than drawing all; measured in the specification).
 *
 * The place of a sample comes from its time, so all traces of a subject share one cursor, a late
 * sample lands where it belongs, and a gap stays empty. Nothing is drawn past the newest sample.
 *
 * @typedef {import("./waves.js").Channel} Channel
 * @typedef {object} Lane
 * @property {Channel} channel
 * @property {number} top    in device pixels
 * @property {number} height
 * @property {string} color
 * @property {number} low    value at the bottom
 * @property {number} high   value at the top
 * @property {number} [unitPixels]  fixed scale (device pixels per unit) instead of a fitted one
 * @property {number[]} [unitSteps] the fixed scales to choose from, largest first
 * @property {number} drawn  index of the last sample drawn
 * @property {number} fitAt  time of the next look at the range
 * @property {number} narrow how often in a row the range was much too wide
 */

const FIT_MS = 1000;
const PADDING = 0.1;
/** Looks in a row that find less than half of the range used, before the trace is enlarged. */
const PATIENCE = 5;
/** Smallest range shown, by unit, so that the noise of a flat line is not blown up. */
const SMALLEST = /** @type {Record<string, number>} */ ({ mV: 0.8, "mm[Hg]": 20 });

export class Sweep {
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{background: string, lineWidth: number, gapPixels: number}} look in device pixels
   */
  constructor(context, look) {
    this.context = context;
    this.look = look;
    /** @type {Lane[]} */
    this.lanes = [];
    this.seconds = 6;
    this.cursor = NaN;
    this.drawnSamples = 0;
    /** Time of the newest sample that the last frame drew; NaN when it drew none. */
    this.newestMs = NaN;
    context.lineJoin = "round";
    context.lineCap = "round";
  }

  /** @param {Lane[]} lanes @param {number} seconds across the whole width */
  layOut(lanes, seconds) {
    this.lanes = lanes;
    this.seconds = seconds;
    this.cursor = NaN;
    this.context.lineJoin = "round";
    this.context.lineCap = "round";
  }

  /** @param {number} timeMs @returns {number} device pixels */
  x(timeMs) {
    const period = this.seconds * 1000;
    return ((timeMs % period) / period) * this.context.canvas.width;
  }

  /** Show everything up to `timeMs`. */
  frame(/** @type {number} */ timeMs) {
    this.newestMs = NaN;
    const jump = timeMs - this.cursor;
    if (!(jump >= 0 && jump < this.seconds * 400)) {
      this.repaint(timeMs);
      return;
    }
    this.eraseAhead(this.cursor, timeMs);
    this.cursor = timeMs;
    for (const lane of this.lanes) {
      if (timeMs >= lane.fitAt && this.fit(lane, timeMs)) this.repaintLane(lane, timeMs);
      else this.drawLane(lane, timeMs);
    }
  }

  /** Draw all that a full sweep shows. @param {number} timeMs */
  repaint(timeMs) {
    const { canvas } = this.context;
    this.context.fillStyle = this.look.background;
    this.context.fillRect(0, 0, canvas.width, canvas.height);
    this.cursor = timeMs;
    for (const lane of this.lanes) {
      this.fit(lane, timeMs);
      this.repaintLane(lane, timeMs);
    }
  }

  /** @param {Lane} lane @param {number} timeMs */
  repaintLane(lane, timeMs) {
    const { canvas } = this.context;
    this.context.fillStyle = this.look.background;
    this.context.fillRect(0, lane.top, canvas.width, lane.height);
    lane.drawn = -1;
    this.drawLane(lane, timeMs);
  }

  /** @param {number} fromMs @param {number} toMs */
  eraseAhead(fromMs, toMs) {
    const { canvas } = this.context;
    const from = Math.floor(this.x(fromMs)) + this.look.gapPixels;
    const width = Math.ceil(((toMs - fromMs) / (this.seconds * 1000)) * canvas.width) + 1;
    this.context.fillStyle = this.look.background;
    const start = from % canvas.width;
    this.context.fillRect(start, 0, width, canvas.height);
    if (start + width > canvas.width) {
      this.context.fillRect(0, 0, start + width - canvas.width, canvas.height);
    }
  }

  /** @param {Lane} lane @param {number} timeMs */
  drawLane(lane, timeMs) {
    const { channel } = lane;
    const end = Math.min(channel.head - 1, channel.indexAt(timeMs));
    // what is later than a whole sweep has no place any more
    const gapMs = ((this.look.gapPixels + 2) / this.context.canvas.width) * this.seconds * 1000;
    const oldest = channel.indexAt(timeMs - this.seconds * 1000 + gapMs);
    const start = Math.max(lane.drawn, channel.tail, oldest);
    if (end <= start) return;
    const scale = lane.unitPixels ?? lane.height / (lane.high - lane.low);
    const middle = (lane.high + lane.low) / 2;
    const centre = lane.top + lane.height / 2;
    const { context } = this;
    context.strokeStyle = lane.color;
    context.lineWidth = this.look.lineWidth;
    context.beginPath();
    let last = Infinity;
    for (let index = start; index <= end; index++) {
      const value = channel.at(index);
      if (Number.isNaN(value)) {
        last = Infinity;
        continue;
      }
      const x = this.x(channel.timeOf(index));
      const y = Math.min(Math.max(centre - (value - middle) * scale, lane.top + 1), lane.top + lane.height - 1);
      if (x < last) context.moveTo(x, y);
      else context.lineTo(x, y);
      last = x;
    }
    context.stroke();
    this.drawnSamples += end - start;
    lane.drawn = end;
    this.newestMs = Math.max(channel.timeOf(end), this.newestMs || 0);
  }

  /**
   * Fit the range to what is shown: wider at once, narrower only after a while.
   * @param {Lane} lane @param {number} timeMs @returns {boolean} whether it changed
   */
  fit(lane, timeMs) {
    lane.fitAt = timeMs + FIT_MS;
    const { channel } = lane;
    const end = Math.min(channel.head - 1, channel.indexAt(timeMs));
    const start = Math.max(channel.tail, end - Math.ceil(this.seconds * channel.description.fs));
    let low = Infinity;
    let high = -Infinity;
    for (let index = start; index <= end; index++) {
      const value = channel.at(index);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!(high >= low)) return false;
    const smallest = SMALLEST[channel.description.unit] ?? channel.description.lsb * 24;
    const padding = Math.max((high - low) * PADDING, (smallest - (high - low)) / 2);
    const outside = low < lane.low || high > lane.high || !(lane.high > lane.low);
    const wide = high - low + 2 * padding < (lane.high - lane.low) * 0.6;
    lane.narrow = wide ? lane.narrow + 1 : 0;
    if (!outside && lane.narrow < PATIENCE) return false;
    lane.low = low - padding;
    lane.high = high + padding;
    lane.narrow = 0;
    if (lane.unitSteps) {
      const range = high - low;
      lane.unitPixels =
        lane.unitSteps.find((step) => step * range < lane.height * 0.94) ?? lane.unitSteps.at(-1);
    }
    return true;
  }
}

/**
 * @param {Channel} channel @param {number} top @param {number} height @param {string} color
 * @returns {Lane}
 */
export function makeLane(channel, top, height, color) {
  return { channel, top, height, color, low: NaN, high: NaN, drawn: -1, fitAt: 0, narrow: 0 };
}
