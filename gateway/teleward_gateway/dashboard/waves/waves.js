// @ts-check
/**
 * Waveforms of the subjects on a page: ring buffers and, per subject, the time that is played.
 *
 * The page plays a little behind the newest sample, so that the trace moves evenly while frames
 * arrive in jerks. How far behind is measured: the oldest that the newest sample became, just
 * before more arrived, within the last ten seconds. It grows at once and shrinks slowly.
 *
 * @typedef {object} ChannelDescription
 * @property {number} channel @property {number} generation @property {string} metric
 * @property {string} label @property {string} unit @property {number} fs
 * @property {number} anchor @property {number} lsb @property {number} base
 */

/** Seconds kept; the widest sweep shows about 20. */
const KEPT_S = 30;
const BUFFER_MS = 150;
/** Beyond this a pause is a gap in the data, not jitter to be buffered. */
const LONGEST_MS = 2500;
const MARGIN_MS = 25;
const BUCKET_MS = 2000;
const BUCKETS = 5;
/** The playback catches up by five per cent of time: not visible. */
const CATCH_UP = 0.05;

export class Channel {
  /** @param {ChannelDescription} description */
  constructor(description) {
    this.description = description;
    this.size = Math.ceil(KEPT_S * description.fs);
    this.ring = new Float32Array(this.size).fill(NaN);
    /** What is drawn: the samples themselves, or filtered. */
    this.shown = this.ring;
    /** @type {import("./ecg_filter.js").EcgFilter | null} */
    this.filter = null;
    /** One behind the newest sample; the first kept one. */
    this.head = 0;
    this.tail = 0;
    this.arrivedAt = -Infinity;
  }

  /** @param {number} index @returns {number} the gateway's time of a sample in ms */
  timeOf(index) {
    return this.description.anchor + (index * 1000) / this.description.fs;
  }

  /** @param {number} timeMs @returns {number} index of the newest sample not later than this */
  indexAt(timeMs) {
    return Math.floor(((timeMs - this.description.anchor) * this.description.fs) / 1000);
  }

  /** @param {number} index @returns {number} what is drawn: NaN in a gap or when not kept */
  at(index) {
    if (index < this.tail || index >= this.head) return NaN;
    return this.shown[index % this.size];
  }

  /** Show what is kept and what comes through a filter. @param {Channel["filter"]} filter null: unfiltered */
  filterBy(filter) {
    this.filter = filter;
    this.shown = filter ? new Float32Array(this.size).fill(NaN) : this.ring;
    this.filterFrom(this.tail);
  }

  /** @param {number} first index of the first sample that the filter has not had */
  filterFrom(first) {
    if (!this.filter) return;
    for (let index = first; index < this.head; index++) {
      this.shown[index % this.size] = this.filter.next(this.ring[index % this.size]);
    }
  }

  /** @param {number} first @param {Int16Array} samples */
  put(first, samples) {
    const { lsb, base } = this.description;
    if (this.head === 0 && this.tail === 0) this.tail = this.head = first;
    if (first < this.head) {
      // waves of the last sweep reach back into what is here already
      samples = samples.subarray(this.head - first);
      first = this.head;
    }
    if (!samples.length) return;
    const known = this.head;
    const gap = Math.min(first - known, this.size);
    for (let step = 0; step < gap; step++) this.ring[(first - 1 - step) % this.size] = NaN;
    for (let step = 0; step < samples.length; step++) {
      this.ring[(first + step) % this.size] = samples[step] * lsb + base;
    }
    this.head = first + samples.length;
    this.tail = Math.max(this.tail, this.head - this.size);
    this.filterFrom(Math.max(known, this.tail));
  }
}

export class SubjectWaves {
  constructor() {
    /** @type {Map<number, Channel>} */
    this.channels = new Map();
    /** Playback delay, and the worst age in each of the last buckets. */
    this.delayMs = NaN;
    this.worst = new Array(BUCKETS).fill(0);
    this.bucketAt = 0;
    this.played = NaN;
    this.playedAt = NaN;
    this.sequence = NaN;
    this.missedFrames = 0;
    this.underruns = 0;
    this.dry = false;
    /** Grows when the set of channels or a generation changes: lay the lanes out again. */
    this.version = 0;
  }

  /** @param {ChannelDescription[]} descriptions @param {boolean} all whether others are gone */
  describe(descriptions, all) {
    if (all) {
      const named = new Set(descriptions.map((description) => description.channel));
      for (const number of this.channels.keys()) {
        if (!named.has(number)) {
          this.channels.delete(number);
          this.version++;
        }
      }
    }
    for (const description of descriptions) {
      const known = this.channels.get(description.channel);
      const same =
        known &&
        known.description.metric === description.metric &&
        known.description.generation === description.generation &&
        known.description.fs === description.fs &&
        Math.abs(known.description.anchor - description.anchor) < 1000;
      if (same) {
        known.description = description;
      } else {
        this.channels.set(description.channel, new Channel(description));
        this.version++;
      }
    }
  }

  /** @param {import("./frames.js").Run} run @param {number} nowMs the gateway's time */
  take(run, nowMs) {
    const channel = this.channels.get(run.channel);
    if (!channel || channel.description.generation !== run.generation) return;
    if (run.sequence !== this.sequence) {
      if (run.sequence > this.sequence + 1) this.missedFrames += run.sequence - this.sequence - 1;
      this.sequence = run.sequence;
    }
    const fresh = channel.head === 0;
    const before = fresh ? run.first + run.samples.length : channel.head;
    const age = nowMs - channel.timeOf(before) + (fresh ? 100 : 0);
    if (age < LONGEST_MS) this.note(age, nowMs);
    channel.put(run.first, run.samples);
    channel.arrivedAt = nowMs;
  }

  /** @param {number} ageMs @param {number} nowMs */
  note(ageMs, nowMs) {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    if (bucket !== this.bucketAt) {
      const passed = Math.min(Math.abs(bucket - this.bucketAt), BUCKETS);
      for (let step = 1; step <= passed; step++) this.worst[(bucket - passed + step) % BUCKETS] = 0;
      this.bucketAt = bucket;
    }
    this.worst[bucket % BUCKETS] = Math.max(this.worst[bucket % BUCKETS], ageMs);
  }

  /**
   * The gateway time that is shown now; it never goes back.
   * @param {number} nowMs
   */
  playTime(nowMs) {
    const wanted = Math.max(BUFFER_MS, Math.max(...this.worst) + MARGIN_MS);
    const passed = Number.isFinite(this.playedAt) ? nowMs - this.playedAt : 0;
    this.playedAt = nowMs;
    if (!Number.isFinite(this.delayMs) || wanted > this.delayMs) this.delayMs = wanted;
    else this.delayMs = Math.max(wanted, this.delayMs - CATCH_UP * Math.max(0, passed));
    const time = nowMs - this.delayMs;
    const steppedBack = this.played - time > 3 * LONGEST_MS;
    this.played = !(this.played > time) || steppedBack ? time : this.played;
    this.watchDry(nowMs);
    return this.played;
  }

  /** Count the times that a live trace had nothing left to play. @param {number} nowMs */
  watchDry(nowMs) {
    let newest = -Infinity;
    let arrived = -Infinity;
    for (const channel of this.channels.values()) {
      newest = Math.max(newest, channel.timeOf(channel.head));
      arrived = Math.max(arrived, channel.arrivedAt);
    }
    const dry = this.played > newest + 20 && nowMs - arrived < LONGEST_MS;
    if (dry && !this.dry) this.underruns++;
    this.dry = dry;
  }
}
