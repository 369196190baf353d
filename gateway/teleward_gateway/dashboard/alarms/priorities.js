// @ts-check
/** Alarms on a page: order, marks, one clock for all flashing. */

import { t } from "../i18n/words.js";

/** @typedef {import("../core/state.js").Alarm} Alarm */

/** Priority marks of IEC 60601-1-8 practice: colour is never the only sign. */
export const MARKS = { high: "!!!", medium: "!!", low: "!", info: "i" };
const ORDER = { high: 0, medium: 1, low: 2, info: 3 };

/** @param {Alarm} a @param {Alarm} b */
export function byUrgency(a, b) {
  return (
    Number(a.presence === "ack") - Number(b.presence === "ack") ||
    ORDER[a.priority] - ORDER[b.priority] ||
    Number(a.kind === "technical") - Number(b.kind === "technical") ||
    b.since - a.since
  );
}

/** @param {Alarm[]} alarms @returns {Alarm | undefined} the one to show first */
export function topAlarm(alarms) {
  return [...alarms].sort(byUrgency)[0];
}

/** @param {Alarm} alarm @returns {string} class of its chip */
export function alarmClass(alarm) {
  const look = alarm.kind === "technical" && alarm.priority !== "high" ? "tech" : alarm.priority;
  return `al ${look} ${alarm.presence}`;
}

/** @param {Alarm[]} alarms @returns {string} "high", "medium", "low", "tech" or "none" */
export function tilePriority(alarms) {
  const top = topAlarm(alarms.filter((alarm) => alarm.presence !== "ack"));
  if (!top) return "none";
  if (top.kind === "technical" && top.priority !== "high") return "tech";
  return top.priority === "info" ? "none" : top.priority;
}

/** @param {Alarm[]} alarms @param {string[]} metrics @returns {string} priority for a numeric */
export function metricPriority(alarms, ...metrics) {
  const own = alarms.filter(
    (alarm) =>
      alarm.kind === "physiological" &&
      alarm.presence !== "latched" &&
      alarm.metric !== null &&
      metrics.includes(alarm.metric),
  );
  const top = topAlarm(own);
  return top && top.priority !== "info" ? `${top.priority} ${top.presence}` : "";
}

const STEP_MS = 250;

/**
 * One clock for every alarm of the page: high priority 2 Hz, medium 0.67 Hz, half on and half off
 * (IEC 60601-1-8 bands 1.4-2.8 Hz and 0.4-0.8 Hz; under the three flashes a second of WCAG).
 * Fill and outline are swapped through attributes of the root, so that contrast stays in both
 * phases; with reduced motion everything is steady.
 */
export function startFlashing(root = document.documentElement) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let step = 0;
  return setInterval(() => {
    step++;
    root.toggleAttribute("data-flash-high", !still.matches && step % 2 === 0);
    root.toggleAttribute("data-flash-medium", !still.matches && Math.floor(step / 3) % 2 === 0);
  }, STEP_MS);
}

/** Speaks changes of alarms to assistive technology, at most once a second. */
export class Announcer {
  /** @param {HTMLElement} region an aria-live element */
  constructor(region) {
    this.region = region;
    this.spoken = "";
    this.lastAt = -Infinity;
  }

  /** @param {{where: string, alarm: Alarm}[]} active */
  announce(active) {
    const urgent = active.filter(({ alarm }) => alarm.presence === "on" && alarm.priority !== "info");
    const text = urgent
      .slice(0, 3)
      .map(({ where, alarm }) => t(`spoken_${alarm.priority}`, { where, text: alarm.text }))
      .join(" ");
    if (text === this.spoken || performance.now() - this.lastAt < 1000) return;
    this.spoken = text;
    this.lastAt = performance.now();
    this.region.textContent = text;
  }
}
