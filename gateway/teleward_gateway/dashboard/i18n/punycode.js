// @ts-check
/** Punycode (RFC 3492): how the id of a bed keeps a name in another script. */

const [BASE, T_MIN, T_MAX, SKEW, DAMP, FIRST_BIAS, FIRST] = [36, 1, 26, 38, 700, 72, 128];

/** @param {number} delta @param {number} points @param {boolean} first */
function adapted(delta, points, first) {
  let left = first ? Math.floor(delta / DAMP) : delta >> 1;
  left += Math.floor(left / points);
  let k = 0;
  while (left > ((BASE - T_MIN) * T_MAX) >> 1) {
    left = Math.floor(left / (BASE - T_MIN));
    k += BASE;
  }
  return k + Math.floor(((BASE - T_MIN + 1) * left) / (left + SKEW));
}

/** @param {string} text without its prefix @returns {string|null} null where it is none */
export function decodePunycode(text) {
  const cut = text.lastIndexOf("-");
  const points = cut > 0 ? [...text.slice(0, cut)].map((c) => c.codePointAt(0) ?? 0) : [];
  let [point, bias, at, place] = [FIRST, FIRST_BIAS, 0, cut > 0 ? cut + 1 : text.startsWith("-") ? 1 : 0];
  while (place < text.length) {
    const before = at;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      const digit = Number.parseInt(text[place++] ?? "?", 36);
      if (Number.isNaN(digit)) return null;
      const value = digit < 10 ? digit + 26 : digit - 10; // a to z are 0 to 25, 0 to 9 are 26 to 35
      at += value * weight;
      const limit = Math.min(T_MAX, Math.max(T_MIN, k - bias));
      if (value < limit) break;
      weight *= BASE - limit;
    }
    bias = adapted(at - before, points.length + 1, before === 0);
    point += Math.floor(at / (points.length + 1));
    at %= points.length + 1;
    if (point > 0x10ffff) return null;
    points.splice(at++, 0, point);
  }
  return String.fromCodePoint(...points);
}
