// @ts-check
/** Times beside trends in the reader's own style: as much of the date as the stretch needs. */

const DAY_MS = 86400e3;

/** @param {number} ms @param {Intl.DateTimeFormatOptions} style */
function written(ms, style) {
  return new Intl.DateTimeFormat(navigator.languages, { hour12: false, ...style }).format(new Date(ms));
}

const CLOCK = /** @type {Intl.DateTimeFormatOptions} */ ({ hour: "2-digit", minute: "2-digit" });
const DAY = /** @type {Intl.DateTimeFormatOptions} */ ({ day: "numeric", month: "short" });

/** A moment of a stretch that is `lengthMs` long. @param {number} ms @param {number} lengthMs */
export function timeIn(ms, lengthMs) {
  return written(ms, lengthMs > DAY_MS ? { ...DAY, ...CLOCK } : CLOCK);
}

/** @param {number} ms with day, hour and minute */
export function dayAndTime(ms) {
  return written(ms, { ...DAY, ...CLOCK });
}

/** @param {number} start @param {number} end ms @returns {string} "29 Nov, 08:00 – 16:00" */
export function stretch(start, end) {
  const style = /** @type {Intl.DateTimeFormatOptions} */ ({ hour12: false, ...DAY, ...CLOCK });
  return new Intl.DateTimeFormat(navigator.languages, style).formatRange(new Date(start), new Date(end));
}

/**
 * Labels of a time axis: the hour, and the day where it changes or where only days are marked.
 * @param {number[]} ticks ms @returns {string[]}
 */
export function tickTexts(ticks) {
  const daily = ticks.length > 1 && ticks[1] - ticks[0] >= DAY_MS;
  let former = "";
  return ticks.map((tick) => {
    const day = written(tick, DAY);
    const changed = former !== "" && day !== former;
    former = day;
    return daily || changed ? day : written(tick, CLOCK);
  });
}
