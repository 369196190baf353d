// @ts-check
/**
 * Alarm sound, after the melodies of IEC 60601-1-8 as public manuals print them. For training: the
 * tones are not certified. Browsers start sound only after a tap.
 *
 * @typedef {object} Tone
 * @property {number} frequency Hz @property {number} start s @property {number} duration s
 */

const NOTES = { C4: 261.63, D4: 293.66, E4: 329.63, F4: 349.23, G4: 392, A4: 440, B4: 493.88, C5: 523.25 };
const MELODIES = /** @type {Record<string, (keyof typeof NOTES)[]>} */ ({
  general: ["C4", "C4", "C4", "C4", "C4"],
  cardiac: ["C4", "E4", "G4", "G4", "C5"],
  ventilation: ["C4", "A4", "F4", "A4", "F4"],
  oxygen: ["C5", "B4", "A4", "G4", "F4"],
  temperature: ["C4", "D4", "E4", "F4", "G4"],
});
const CAUSES = /** @type {Record<string, string>} */ ({
  heart_rate: "cardiac",
  pulse_rate: "cardiac",
  nibp_systolic: "cardiac",
  nibp_diastolic: "cardiac",
  nibp_mean: "cardiac",
  spo2: "oxygen",
  respiratory_rate: "ventilation",
  etco2: "ventilation",
  body_temperature: "temperature",
});
/** Pause between bursts in s: within the standard's 2.5-15, 2.5-30 and above 15. */
export const REPEAT_S = { high: 8, medium: 15, low: 30 };
/** A less urgent burst waits for the end of a more urgent one. */
const LOUDNESS = /** @type {Record<string, number>} */ ({ high: 3, medium: 2, low: 1 });
/** A falling or rising edge as a share of its tone: the standard has 10 to 40 %. */
const EDGE = 0.125;
const GAIN = 0.35;
const PARTIALS = [0, 1, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25];

/**
 * High: five tones (3 + 2), twice; medium: three; low: two.
 * @param {"high"|"medium"|"low"} priority @param {string|null} metric @returns {Tone[]}
 */
export function burst(priority, metric) {
  const melody = MELODIES[CAUSES[metric ?? ""] ?? "general"].map((note) => NOTES[note]);
  if (priority === "low") return tones([NOTES.E4, NOTES.C4], [0, 0.36], 0.18);
  if (priority === "medium") return tones(melody.slice(0, 3), [0, 0.36, 0.72], 0.18);
  const half = [0, 0.21, 0.42, 0.84, 1.05];
  return [...tones(melody, half, 0.12), ...tones(melody, half.map((at) => at + 1.8), 0.12)];
}

/** @param {number[]} frequencies @param {number[]} starts @param {number} duration @returns {Tone[]} */
function tones(frequencies, starts, duration) {
  return starts.map((start, place) => ({ frequency: frequencies[place], start, duration }));
}

/** @param {BaseAudioContext} context @param {Tone[]} burstTones @param {number} at s */
export function schedule(context, burstTones, at) {
  const wave = context.createPeriodicWave(new Float32Array(PARTIALS.length), Float32Array.from(PARTIALS));
  for (const { frequency, start, duration } of burstTones) {
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    const begin = at + start;
    const edge = EDGE * duration;
    oscillator.setPeriodicWave(wave);
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(GAIN, begin + edge);
    gain.gain.setValueAtTime(GAIN, begin + duration - edge);
    gain.gain.linearRampToValueAtTime(0, begin + duration);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(begin);
    oscillator.stop(begin + duration + 0.01);
  }
}

const CHOICE = "teleward.sound";
/** Between attempts to start an audio engine that the system has stopped. */
const RESUME_MS = 1000;

/**
 * The sound of a page: the most urgent alarm that nobody has acknowledged or paused.
 *
 * Whether a person wants sound is kept for the whole browser, so that another page or a reload
 * never silences a ward; browsers start it at the first key or click. What the audio engine really
 * does is looked at each time: a call, a locked screen or a lost device stops it from outside.
 */
export class Sound {
  /** @param {() => void} changed called when sound starts or stops */
  constructor(changed = () => {}) {
    this.changed = changed;
    this.wanted = localStorage.getItem(CHOICE) === "on";
    /** @type {AudioContext | null} */
    this.context = null;
    this.quietUntil = 0;
    this.soundsUntil = 0;
    this.resumedAt = -Infinity;
    this.priority = "";
    this.bursts = 0;
    for (const type of ["pointerdown", "keydown"]) {
      addEventListener(type, (event) => this.gesture(event), { capture: true });
    }
    addEventListener("storage", (event) => event.key === CHOICE && this.take(event.newValue === "on"));
    if (this.wanted) this.start();
  }

  /** Whether an alarm would be heard now. */
  get audible() {
    return this.wanted && this.context?.state === "running";
  }

  /** The first key or click lets a browser sound; the button of the sound acts by itself. */
  gesture(/** @type {Event} */ event) {
    const button = event.target instanceof Element && event.target.closest("#sound");
    if (this.wanted && !this.audible && !button) this.start();
  }

  /** What does not sound is switched on, what sounds is switched off. */
  toggle() {
    const wanted = !this.audible;
    localStorage.setItem(CHOICE, wanted ? "on" : "off");
    this.take(wanted);
  }

  /** @param {boolean} wanted */
  take(wanted) {
    this.wanted = wanted;
    if (wanted) this.start();
    else void this.context?.suspend();
    this.changed();
  }

  start() {
    if (!this.context) {
      this.context = new AudioContext();
      this.context.onstatechange = () => {
        this.changed();
        if (this.wanted) this.resume();
      };
    }
    this.quietUntil = 0;
    this.resumedAt = -Infinity;
    this.resume();
  }

  /** Start a stopped engine, at most once a second. */
  resume() {
    const now = performance.now();
    if (!this.context || this.context.state === "running" || now - this.resumedAt < RESUME_MS) return;
    this.resumedAt = now;
    // refused until a key or click: the button shows what is so
    this.context.resume().catch(() => {});
  }

  /** @param {import("../core/state.js").Alarm | undefined} alarm the one to sound, if any */
  update(alarm) {
    const priority = alarm?.priority;
    if (!alarm || priority === "info" || !priority) {
      this.priority = "";
      return;
    }
    if (!this.wanted || !this.context) return;
    if (!this.audible) {
      this.resume();
      return;
    }
    const now = this.context.currentTime;
    if (now < this.quietUntil && priority === this.priority) return;
    if (LOUDNESS[priority] < (LOUDNESS[this.priority] ?? 0) && now < this.soundsUntil) return;
    const sounds = burst(priority, alarm.metric);
    schedule(this.context, sounds, now + 0.02);
    const last = sounds[sounds.length - 1];
    this.priority = priority;
    this.bursts++;
    this.soundsUntil = now + last.start + last.duration;
    this.quietUntil = this.soundsUntil + REPEAT_S[priority];
  }
}
