// @ts-check
/** The stream of one seat: the patient's frames as the bed page gets them, and the class between. */

import { Ward } from "../core/state.js";
import { Stream } from "../core/stream.js";
import { decodeFrames } from "../waves/frames.js";

export class SeatStream {
  /** @param {string} path below /api/v1 @param {() => void} changed */
  constructor(path, changed) {
    this.ward = new Ward();
    this.changed = changed;
    /** @type {any} the newest screen of the seat */
    this.screen = null;
    this.stream = new Stream([], {
      text: (message) => {
        if (message.type === "class") this.screen = message;
        else this.ward.apply(message, this.stream.now());
        this.changed();
      },
      waves: (data, at) => this.take(data, at),
    }, path);
  }

  /** @param {ArrayBuffer} data @param {number} at */
  take(data, at) {
    const now = this.stream.now();
    decodeFrames(
      data,
      at,
      (run) => this.ward.byKey.get(run.key)?.waves.take(run, now),
      (frame) => frame.beats && this.ward.beat(frame.key, now),
    );
  }

  /** The patient of the seat's room, once the ward shows it. */
  subject() {
    const id = this.screen?.room?.subject;
    return id ? this.ward.subjects.get(id) : undefined;
  }

  close() {
    this.stream.close();
  }

  /**
   * Samples of a channel as text, for the test that compares two screens.
   * @param {string} metric @param {number} first @param {number} count
   */
  samples(metric, first, count) {
    for (const channel of this.subject()?.waves.channels.values() ?? []) {
      if (channel.description.metric !== metric) continue;
      return Array.from({ length: count }, (_, step) => channel.at(first + step)).join(" ");
    }
    return "";
  }

  /** First and last index of a channel that are here. @param {string} metric */
  kept(metric) {
    for (const channel of this.subject()?.waves.channels.values() ?? []) {
      if (channel.description.metric === metric) return [channel.tail, channel.head];
    }
    return [0, 0];
  }
}
