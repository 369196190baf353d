// @ts-check
/**
 * ECG display filter: monitor or diagnostic band and a mains notch, for what a page draws.
 *
 *     monitor      0.5 to 40 Hz    steady baseline, for rhythm
 *     diagnostic   0.05 to 150 Hz  ST segments keep their level
 *
 * The same filter as `teleward_signal.banks.filters`, against which the tests compare it: Butterworth
 * by bilinear transform, edges and notch beyond 0.45 of the sampling rate left out. A lost sample
 * (NaN) stays NaN; after more than 40 ms of them the filter starts again at rest.
 *
 * @typedef {"off"|"monitor"|"diagnostic"} Band
 * @typedef {{band: Band, notchHz: number}} FilterChoice  notchHz 0 is no notch
 * @typedef {number[]} Section  b0 b1 b2 a1 a2
 */

const BANDS = {
  monitor: { name: "Monitor", low: 0.5, high: 40 },
  diagnostic: { name: "Diagnostic", low: 0.05, high: 150 },
};
/** -3 dB width of 1.7 Hz at 50 Hz: mains drifts by +-0.2 Hz, and ringing stays short. */
const NOTCH_QUALITY = 30;
/** As long as the shortest QRS complex: a longer hole hides what came between. */
const BRIDGE_S = 0.04;
const HIGHEST = 0.45;

/** @param {FilterChoice} choice @param {number} fs @returns {Section[]} */
export function sections({ band, notchHz }, fs) {
  /** @type {Section[]} */
  const found = [];
  if (band !== "off") {
    const { low, high } = BANDS[band];
    found.push(band === "monitor" ? highPass(low, fs) : gentleHighPass(low, fs));
    if (high < HIGHEST * fs) {
      for (const angle of [Math.PI / 8, (3 * Math.PI) / 8]) found.push(lowPass(high, 2 * Math.cos(angle), fs));
    }
  }
  if (notches(notchHz, fs)) found.push(notch(notchHz, fs));
  return found;
}

/** @param {number} notchHz @param {number} fs @returns {boolean} whether the rate allows this notch */
function notches(notchHz, fs) {
  return notchHz > 0 && notchHz < HIGHEST * fs;
}

/**
 * @param {FilterChoice} choice @param {number} fs
 * @returns {string} what is applied, as it stands on the strip; without a low-pass the edge is fs / 2
 */
export function filterName(choice, fs) {
  const { band, notchHz } = choice;
  const { name, low, high } = band === "off" ? { name: "Unfiltered", low: 0, high: 0 } : BANDS[band];
  const upper = high < HIGHEST * fs ? high : Math.floor(fs / 2);
  return [high ? `${name} ${low}–${upper} Hz` : name, notches(notchHz, fs) ? `notch ${notchHz} Hz` : ""]
    .filter(Boolean)
    .join(" · ");
}

/** Second-order Butterworth. @param {number} hz @param {number} fs @returns {Section} */
function highPass(hz, fs) {
  const k = Math.tan((Math.PI * hz) / fs);
  const gain = 1 / (1 + Math.SQRT2 * k + k * k);
  return [gain, -2 * gain, gain, 2 * (k * k - 1) * gain, (1 - Math.SQRT2 * k + k * k) * gain];
}

/** First order. @param {number} hz @param {number} fs @returns {Section} */
function gentleHighPass(hz, fs) {
  const k = Math.tan((Math.PI * hz) / fs);
  return [1 / (1 + k), -1 / (1 + k), 0, (k - 1) / (1 + k), 0];
}

/** @param {number} hz @param {number} damping 1 / Q of this pair of poles @param {number} fs @returns {Section} */
function lowPass(hz, damping, fs) {
  const k = Math.tan((Math.PI * hz) / fs);
  const gain = 1 / (1 + damping * k + k * k);
  const b = k * k * gain;
  return [b, 2 * b, b, 2 * (k * k - 1) * gain, (1 - damping * k + k * k) * gain];
}

/** Orfanidis, Introduction to Signal Processing, 1996, section 11.3. @param {number} hz @param {number} fs @returns {Section} */
function notch(hz, fs) {
  const w = (2 * Math.PI * hz) / fs;
  const gain = 1 / (1 + Math.tan(w / NOTCH_QUALITY / 2));
  const middle = -2 * Math.cos(w) * gain;
  return [gain, middle, gain, middle, 2 * gain - 1];
}

export class EcgFilter {
  /** @param {FilterChoice} choice @param {number} fs Hz */
  constructor(choice, fs) {
    this.sections = sections(choice, fs);
    this.bridge = BRIDGE_S * fs;
    /** Two values for each section (direct form II transposed). */
    this.state = new Float64Array(2 * this.sections.length);
    /** Samples lost in a row; before the first good sample more than any bridge. */
    this.lost = Infinity;
  }

  /** @param {number} x mV, NaN = lost @returns {number} mV */
  next(x) {
    if (Number.isNaN(x)) {
      this.lost++;
      return NaN;
    }
    if (this.lost > this.bridge) this.rest(x);
    this.lost = 0;
    const { sections, state } = this;
    for (let section = 0; section < sections.length; section++) {
      const [b0, b1, b2, a1, a2] = sections[section];
      const at = 2 * section;
      const y = b0 * x + state[at];
      state[at] = b1 * x - a1 * y + state[at + 1];
      state[at + 1] = b2 * x - a2 * y;
      x = y;
    }
    return x;
  }

  /** Set the state as after a long time at this level. @param {number} level mV */
  rest(level) {
    const { sections, state } = this;
    for (let section = 0; section < sections.length; section++) {
      const [b0, b1, b2, a1, a2] = sections[section];
      const y = (level * (b0 + b1 + b2)) / (1 + a1 + a2);
      state[2 * section + 1] = b2 * level - a2 * y;
      state[2 * section] = b1 * level - a1 * y + state[2 * section + 1];
      level = y;
    }
  }
}
