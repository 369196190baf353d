// @ts-check
/** Alarm limits of a subject: yellow (medium priority) and red (high) for each metric. */

import { call } from "../core/api.js";
import { FormDialog, number } from "../core/form.js";
import { unitText } from "../i18n/format.js";
import { html } from "../vendor/lit-html.js";

const KEYS = ["very_low", "low", "high", "very_high"];
const TITLES = ["Red low", "Yellow low", "Yellow high", "Red high"];

export class LimitsDialog extends FormDialog {
  /** @param {import("../core/shell.js").Shell} shell @param {string} id @param {HTMLElement} root */
  constructor(shell, id, root) {
    super(root, "limits", "Alarm limits");
    this.shell = shell;
    this.id = id;
  }

  /** @returns {Record<string, Record<string, number|null>>} */
  get limits() {
    return /** @type {any} */ (this.shell.ward.subjects.get(this.id)?.limits ?? {});
  }

  fields() {
    const { metrics } = this.shell.ward;
    return html`<div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">Metric</th>
            ${TITLES.map((title) => html`<th scope="col">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${Object.entries(this.limits).map(
            ([name, limits]) =>
              html`<tr>
                <th scope="row">${metrics[name]?.label ?? name} <small>${unitText(metrics[name]?.unit ?? "")}</small></th>
                ${KEYS.map(
                  (key, place) =>
                    html`<td>
                      <input
                        type="number"
                        step="any"
                        inputmode="decimal"
                        name="${name}.${key}"
                        aria-label="${metrics[name]?.label ?? name} ${TITLES[place]}"
                        .value=${String(limits[key] ?? "")}
                      />
                    </td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
      <p class="quiet">An empty field switches a limit off. Set limits for the person monitored.</p>
    </div>`;
  }

  /** @param {FormData} data */
  async send(data) {
    /** @type {Record<string, Record<string, number|null>>} */
    const changed = {};
    for (const [name, limits] of Object.entries(this.limits)) {
      for (const key of KEYS) {
        const value = number(data, `${name}.${key}`);
        if (value !== (limits[key] ?? null)) (changed[name] ??= {})[key] = value;
      }
    }
    if (!Object.keys(changed).length) return;
    await call("PUT", `/subjects/${encodeURIComponent(this.id)}/limits`, {
      author: data.get("author"),
      limits: changed,
    });
  }

  draw() {
    // while typing, live updates must not overwrite the fields
    if (this.dialog.open && !this.busy && !this.error && this.drawnOpen) return;
    super.draw();
    this.drawnOpen = this.dialog.open;
  }
}
