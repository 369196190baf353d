// @ts-check
/** Alarm limits of a subject: yellow (medium priority) and red (high) for each metric. */

import { call } from "../core/api.js";
import { FormDialog, number } from "../core/form.js";
import { unitText } from "../i18n/format.js";
import { t } from "../i18n/words.js";
import { html } from "../vendor/lit-html.js";

const KEYS = ["very_low", "low", "high", "very_high"];

export class LimitsDialog extends FormDialog {
  /** @param {import("../core/shell.js").Shell} shell @param {string} id @param {HTMLElement} root */
  constructor(shell, id, root) {
    super(root, "limits", t("alarm_limits"));
    this.shell = shell;
    this.id = id;
    /** @type {Record<string, Record<string, number|null>>} */
    this.opened = {};
    /** @type {number|undefined} */
    this.seen = undefined;
    this.needs = "limits";
  }

  /** Takes the limits of this moment: they are shown, compared and named when saved. */
  open() {
    const subject = this.shell.ward.subjects.get(this.id);
    this.opened = structuredClone(/** @type {any} */ (subject?.limits ?? {}));
    this.seen = /** @type {any} */ (subject?.info)?.version;
    super.open();
  }

  fields() {
    const { metrics } = this.shell.ward;
    return html`<div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">${t("metric")}</th>
            ${KEYS.map((key) => html`<th scope="col">${t(key)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${Object.entries(this.opened).map(
            ([name, limits]) =>
              html`<tr>
                <th scope="row">${metrics[name]?.label ?? name} <small>${unitText(metrics[name]?.unit ?? "")}</small></th>
                ${KEYS.map(
                  (key) =>
                    html`<td>
                      <input
                        type="number"
                        step="any"
                        inputmode="decimal"
                        name="${name}.${key}"
                        aria-label="${metrics[name]?.label ?? name} ${t(key)}"
                        .defaultValue=${String(limits[key] ?? "")}
                      />
                    </td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
      <p class="quiet">${t("limits_hint")}</p>
    </div>`;
  }

  /** A red limit lies outside the yellow one. @param {string} name @param {FormData} data */
  checkOrder(name, data) {
    const set = KEYS.map((key) => ({ title: t(key), value: number(data, `${name}.${key}`) })).filter(
      ({ value }) => value !== null,
    );
    for (let place = 1; place < set.length; place++) {
      const [lower, upper] = [set[place - 1], set[place]];
      if (Number(lower.value) > Number(upper.value)) {
        const label = this.shell.ward.metrics[name]?.label ?? name;
        throw new Error(t("limits_order", { label, lower: lower.title, a: String(lower.value), upper: upper.title, b: String(upper.value) }));
      }
    }
  }

  /** @param {FormData} data */
  async send(data) {
    /** @type {Record<string, Record<string, number|null>>} */
    const changed = {};
    for (const [name, limits] of Object.entries(this.opened)) {
      for (const key of KEYS) {
        const value = number(data, `${name}.${key}`);
        if (value !== (limits[key] ?? null)) (changed[name] ??= {})[key] = value;
      }
    }
    if (!Object.keys(changed).length) return;
    for (const name of Object.keys(changed)) this.checkOrder(name, data);
    const path = `/subjects/${encodeURIComponent(this.id)}/limits`;
    await call("PUT", path, { author: data.get("author"), limits: changed }, this.seen);
  }
}
