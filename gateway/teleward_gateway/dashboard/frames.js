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
 */

const MAGIC = 0x57;
const ESCAPE = -128;

/**
 * @param {ArrayBuffer} data one message: one or more frames
 * @param {(run: Run) => void} take called for every run, in order
 * @throws {RangeError} when the bytes are no frame
 */
export function decodeFrames(data, take) {
  const view = new DataView(data);
  let at = 0;
  while (at < view.byteLength) {
    if (view.getUint8(at) !== MAGIC) throw new RangeError(`no wave frame at byte ${at}`);
    const runs = view.getUint8(at + 1);
    const key = view.getUint16(at + 2, true);
    const sequence = view.getUint32(at + 4, true);
    at += 8;
    for (let run = 0; run < runs; run++) {
      const channel = view.getUint8(at);
      const generation = view.getUint8(at + 1);
      const samples = new Int16Array(view.getUint16(at + 2, true));
      const first = view.getUint32(at + 4, true);
      let value = view.getInt16(at + 8, true);
      at += 10;
      samples[0] = value;
      for (let place = 1; place < samples.length; place++) {
        let step = view.getInt8(at++);
        if (step === ESCAPE) {
          step = view.getInt16(at, true);
          at += 2;
        }
        value += step;
        samples[place] = value;
      }
      take({ key, sequence, channel, generation, first, samples });
    }
  }
}
