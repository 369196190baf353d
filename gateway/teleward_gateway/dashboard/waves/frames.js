// @ts-check
/**
 * Decoder of the binary wave frames; the bytes are drawn in teleward_gateway/live/frame.py.
 * @typedef {object} Run
 * @property {number} key        subject key
 * @property {number} sequence   running number of the subject's frames
 * @property {number} channel
 * @property {number} generation
 * @property {number} first      index of the first sample
 * @property {Int16Array} samples
 *
 * @typedef {object} Frame
 * @property {number} key    subject key
 * @property {number} beats  heart beats since the frame before
 */

const MAGIC = 0x57;
const CHANGE_MAGIC = 0x4a;
const ESCAPE = -128;
const HALF_ESCAPE = 8;
const HALVES = 0x8000;

const utf8 = new TextDecoder();

/**
 * @param {ArrayBuffer} data one message
 * @returns {{text: string, frames: number}} the change or "", and where the frames begin
 * @throws {RangeError} when the bytes are no message
 */
export function splitChange(data) {
  const view = new DataView(data);
  if (!view.byteLength || view.getUint8(0) !== CHANGE_MAGIC) return { text: "", frames: 0 };
  const length = view.getUint32(0, true) >>> 8;
  return { text: utf8.decode(new Uint8Array(data, 4, length)), frames: 4 + length };
}

/**
 * @param {ArrayBuffer} data one message: one or more frames
 * @param {number} at where the frames begin
 * @param {(run: Run) => void} take called for every run, in order
 * @param {(frame: Frame) => void} [begin] called for every frame, before its runs
 * @throws {RangeError} when the bytes are no frame
 */
export function decodeFrames(data, at, take, begin) {
  const view = new DataView(data);
  while (at < view.byteLength) {
    if (view.getUint8(at) !== MAGIC) throw new RangeError(`no wave frame at byte ${at}`);
    const runs = view.getUint8(at + 1);
    const key = view.getUint16(at + 2, true);
    const sequence = view.getUint32(at + 4, true) & 0xffffff;
    const beats = view.getUint8(at + 7);
    at += 8;
    begin?.({ key, beats });
    for (let run = 0; run < runs; run++) {
      const channel = view.getUint8(at);
      const generation = view.getUint8(at + 1);
      const count = view.getUint16(at + 2, true);
      const samples = new Int16Array(count & ~HALVES);
      const first = view.getUint32(at + 4, true);
      samples[0] = view.getInt16(at + 8, true);
      at = (count & HALVES ? readHalves : readBytes)(view, at + 10, samples);
      take({ key, sequence, channel, generation, first, samples });
    }
  }
}

/** @param {DataView} view @param {number} at @param {Int16Array} samples the first is there */
function readBytes(view, at, samples) {
  let value = samples[0];
  for (let place = 1; place < samples.length; place++) {
    let step = view.getInt8(at++);
    if (step === ESCAPE) {
      step = view.getInt16(at, true);
      at += 2;
    }
    value += step;
    samples[place] = value;
  }
  return at;
}

/** @param {DataView} view @param {number} at @param {Int16Array} samples the first is there */
function readHalves(view, at, samples) {
  let half = at * 2;
  const next = () => (view.getUint8(half >> 1) >> (4 * (half++ & 1))) & 15;
  let value = samples[0];
  for (let place = 1; place < samples.length; place++) {
    const code = next();
    if (code === HALF_ESCAPE) {
      const escaped = next() | (next() << 4) | (next() << 8) | (next() << 12);
      value += (escaped << 16) >> 16;
    } else {
      value += (code << 28) >> 28;
    }
    samples[place] = value;
  }
  return (half + 1) >> 1;
}
