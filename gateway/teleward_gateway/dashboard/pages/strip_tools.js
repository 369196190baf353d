// @ts-check
/** The controls of a strip: which stretch, speed, gain, filter, leads; march-out, compare, print. */

import { keyed } from "../core/keys.js";
import { html, render } from "../vendor/lit-html.js";
import { BANDS, NOTCHES, rememberFilter, rememberedFilter } from "../waves/chosen_filter.js";
import { GAINS, SPEEDS, hasTwelve, inOrder } from "../waves/paper.js";
import { LENGTHS, fieldTime, momentOf } from "./strip_address.js";

/** @typedef {import("./strip_address.js").Choice} Choice */
/** @typedef {import("../i18n/catalogue.js").Catalogue} Catalogue */

export class Tools {
  /**
   * @param {Choice} choice changed in place @param {Catalogue} words
   * @param {{changed: () => void, moved: () => void, filter: () => void, march: () => void, note: () => void,
   *   begin: () => number, leads: () => import("../waves/record.js").Lead[], now: () => number, keys: () => void}} page
   */
  constructor(choice, words, page) {
    this.choice = choice;
    this.words = words;
    this.page = page;
    this.t = words.text.bind(words);
  }

  /** @param {Partial<Choice>} change whether other samples are needed is seen from it */
  choose(change) {
    Object.assign(this.choice, change);
    if ("from" in change || "seconds" in change || "other" in change) this.page.moved();
    else this.page.changed();
  }

  /** @param {number} seconds */
  step(seconds) {
    this.choose({ from: this.page.begin() + seconds * 1000 });
  }

  /** The next of some values. @param {number[]} values @param {number} now @returns {number} */
  after(values, now) {
    return values[(values.indexOf(now) + 1) % values.length];
  }

  compare() {
    const { other } = this.choice;
    this.choose({ other: other === null ? this.page.begin() - this.choice.seconds * 1000 : null });
  }

  keys() {
    const { choice, t } = this;
    return [
      { key: ",", text: t("earlier"), act: () => this.step(-choice.seconds / 2) },
      { key: ".", text: t("later"), act: () => this.step(choice.seconds / 2) },
      { key: "l", text: t("latest"), act: () => this.choose({ from: null }) },
      { key: "v", text: t("key_speed"), act: () => this.choose({ speed: this.after(SPEEDS, choice.speed) }) },
      { key: "g", text: t("key_gain"), act: () => this.choose({ gain: this.after(GAINS, choice.gain) }) },
      { key: "c", text: t("key_compare"), act: () => this.compare() },
      { key: "i", text: t("print"), act: () => print() },
    ];
  }

  /** @param {HTMLElement} root @param {boolean} marching */
  draw(root, marching) {
    const { choice, t } = this;
    const value = (/** @type {Event} */ event) => /** @type {HTMLSelectElement} */ (event.target).value;
    render(
      html`${this.times(value)} ${this.steps("speed", SPEEDS, "mm/s", "v")} ${this.steps("gain", GAINS, "mm/mV", "g")}
        ${this.filters(value)} ${this.traces(value)}
        <button type="button" id="march" aria-keyshortcuts="m" aria-pressed=${String(marching)} @click=${this.page.march}>${keyed(t("march"), "m")}</button>
        <button type="button" id="compare" aria-keyshortcuts="c" aria-pressed=${String(choice.other !== null)} @click=${() => this.compare()}>${keyed(t("compare"), "c")}</button>
        ${choice.other === null
          ? null
          : html`<label>${t("compare_with")} <input name="other" type="datetime-local" step="1" .value=${fieldTime(choice.other)}
              @change=${(/** @type {Event} */ event) => this.choose({ other: momentOf(value(event)) })} /></label>`}
        <button type="button" id="note" data-needs="observe" aria-keyshortcuts="n" @click=${this.page.note}>${keyed(t("note"), "n")}</button>
        <button type="button" id="print" aria-keyshortcuts="i" @click=${() => print()}>${keyed(t("print"), "i")}</button>
        <button type="button" id="keys" aria-label=${t("keys")} @click=${this.page.keys}>?</button>`,
      root,
    );
  }

  /** @param {(event: Event) => string} value */
  times(value) {
    const { choice, t } = this;
    return html`<div class="group">
        <button type="button" id="earlier" aria-keyshortcuts="," aria-label=${t("earlier")} @click=${() => this.step(-choice.seconds / 2)}>‹</button>
        <label><span class="hidden-text">${t("begin")}</span>
          <input name="from" type="datetime-local" step="1" .value=${fieldTime(this.page.begin())}
            @change=${(/** @type {Event} */ event) => this.choose({ from: momentOf(value(event)) })} /></label>
        <button type="button" id="later" aria-keyshortcuts="." aria-label=${t("later")} @click=${() => this.step(choice.seconds / 2)}>›</button>
      </div>
      <button type="button" id="latest" aria-keyshortcuts="l" @click=${() => this.choose({ from: null })}>${keyed(t("latest"), "l")}</button>
      <label><span class="hidden-text">${t("length")}</span>
        <select name="seconds" @change=${(/** @type {Event} */ event) => this.choose({ seconds: Number(value(event)) })}>
          ${LENGTHS.map((each) => html`<option value=${each} ?selected=${each === choice.seconds}>${each} s</option>`)}
        </select></label>`;
  }

  /** @param {"speed"|"gain"} name @param {number[]} values @param {string} unit @param {string} key */
  steps(name, values, unit, key) {
    return html`<div class="group" role="group" aria-label=${this.t(name)} aria-keyshortcuts=${key}>
      ${values.map(
        (each) => html`<button type="button" data-value=${each} aria-pressed=${String(this.choice[name] === each)}
          aria-label=${`${each} ${unit}`} @click=${() => this.choose({ [name]: each })}>${each}</button>`,
      )}<span class="unit" aria-hidden="true">${unit}</span>
    </div>`;
  }

  /** @param {(event: Event) => string} value */
  filters(value) {
    const { t } = this;
    const { band, notchHz } = rememberedFilter();
    const option = (/** @type {string} */ each, /** @type {number} */ hz) =>
      html`<option value=${`${each} ${hz}`} ?selected=${each === band && hz === notchHz}>
        ${t(`band_${each}`)}${hz ? ` · ${t("notch", { hz })}` : ""}
      </option>`;
    return html`<label><span class="hidden-text">${t("filter")}</span>
      <select name="filter" @change=${(/** @type {Event} */ event) => {
        const [chosen, hz] = value(event).split(" ");
        rememberFilter({ band: /** @type {any} */ (chosen), notchHz: Number(hz) });
        this.page.filter();
      }}>
        ${BANDS.flatMap((each) => NOTCHES.map((hz) => option(each, hz)))}
      </select></label>`;
  }

  /** @param {(event: Event) => string} value */
  traces(value) {
    const { choice, t } = this;
    const leads = inOrder(this.page.leads());
    const twelve = hasTwelve(leads) ? [["twelve", t("show_twelve")]] : [];
    const groups = [...twelve, ["all", t("show_all")], ["ecg", t("show_ecg")]];
    const chosen = choice.show || groups[0][0];
    const options = [...groups, ...leads.map(({ metric, label }) => [metric, label])];
    return html`<label><span class="hidden-text">${t("show")}</span>
      <select name="show" @change=${(/** @type {Event} */ event) => this.choose({ show: value(event) })}>
        ${options.map(([key, text]) => html`<option value=${key} ?selected=${key === chosen}>${text}</option>`)}
      </select></label>`;
  }
}
