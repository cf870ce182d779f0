// The choice of model, epoch, condition and style.

const NEWEST = "newest";
const ANY = ""; // no condition chosen
const BY_SEED = ""; // a style that suits the mask, drawn by the seed
const MIXED = "random"; // each zone as in another scene

/** @param {import("./api.js").Model} model @returns {string} why this page cannot use it; "" if it can */
export function whyNot(model) {
  if (model.inputs.join() !== "zones") return `takes ${model.inputs.join(", ")}, not zones`;
  if (model.targets.join() !== "sar") return `paints ${model.targets.join(", ") || "nothing"}, not SAR`;
  return model.versions.length ? "" : "has no version yet";
}

export class Choices {
  #parts;
  #changed;
  #models = [];
  #chosen;

  /**
   * @param {{model: HTMLSelectElement, version: HTMLSelectElement, conditions: HTMLElement, origin: HTMLElement}} parts
   * @param {{model?: string, version?: string, conditions?: Object<string, string>}} kept from the last time
   * @param {() => void} changed called when the user has chosen
   */
  constructor(parts, kept, changed) {
    this.#parts = parts;
    this.#chosen = { conditions: {}, ...kept };
    this.#changed = changed;
    parts.model.addEventListener("change", () => this.#choose({ model: parts.model.value, version: NEWEST }));
    parts.version.addEventListener("change", () => this.#choose({ version: parts.version.value }));
  }

  /** @param {import("./api.js").Model[]} models that the server has now */
  offer(models) {
    this.#models = models;
    this.#render();
  }

  /** @returns {import("./api.js").Model | undefined} the chosen one, or the first that can be used */
  get model() {
    const usable = this.#models.filter((model) => !whyNot(model));
    return usable.find((model) => model.name === this.#chosen.model) ?? usable[0];
  }

  /** @returns {number | undefined} the chosen epoch, or the newest */
  get version() {
    const versions = this.model?.versions ?? [];
    const epoch = Number(this.#chosen.version);
    return versions.includes(epoch) ? epoch : versions.length ? Math.max(...versions) : undefined;
  }

  /** @returns {string | null} such as "TSX,winter", in the order of the model's keys; null for a model without conditions */
  get condition() {
    const keys = Object.entries(this.model?.conditions ?? {});
    return keys.length ? keys.map(([key, values]) => this.#value(key, values)).join(",") : null;
  }

  /** @returns {string | null} as the model takes it; null for a model without styles */
  get style() {
    const styles = this.model?.styles ?? [];
    if (!styles.length) return null;
    const { style = BY_SEED } = this.#chosen;
    return style === MIXED || styles.includes(style.replace(/^scene:/, "")) ? style : BY_SEED;
  }

  /** @returns {object} to be kept for the next time */
  get chosen() {
    return this.#chosen;
  }

  /** The chosen value of a condition's key, if the model has it. */
  #value(key, values) {
    const value = this.#chosen.conditions[key];
    return values.includes(value) ? value : ANY;
  }

  #choose(change) {
    this.#chosen = { ...this.#chosen, ...change };
    this.#render();
    this.#changed();
  }

  #render() {
    const { model: select, version, conditions, origin } = this.#parts;
    select.replaceChildren(
      ...this.#models.map((model) => {
        const reason = whyNot(model);
        const option = new Option(reason ? `${model.name}: ${reason}` : `${model.name} (${model.run})`, model.name);
        option.disabled = Boolean(reason);
        return option;
      }),
    );
    const chosen = this.model;
    select.disabled = version.disabled = !chosen;
    origin.textContent = this.#note(chosen);
    if (!chosen) {
      select.prepend(new Option("none that can be used", "", true, true));
      version.replaceChildren();
      conditions.replaceChildren();
      return;
    }
    select.value = chosen.name;
    const epochs = chosen.versions.toSorted((one, other) => other - one);
    const labels = (epoch) => Object.keys(chosen.labels ?? {}).filter((label) => chosen.labels[label] === epoch);
    version.replaceChildren(
      new Option(`newest (${epochs[0]})`, NEWEST),
      ...epochs.map((epoch) => new Option([epoch, ...labels(epoch)].join(" · "), epoch)),
    );
    version.value = epochs.includes(Number(this.#chosen.version)) ? this.#chosen.version : NEWEST;
    conditions.replaceChildren(
      ...Object.entries(chosen.conditions ?? {}).map((entry) => this.#condition(...entry)),
      ...(chosen.styles?.length ? [this.#style(chosen.styles)] : []),
    );
  }

  #condition(key, values) {
    const options = [new Option("any", ANY), ...values.map((value) => new Option(value, value))];
    return this.#field(key, options, this.#value(key, values), (value) => {
      this.#choose({ conditions: { ...this.#chosen.conditions, [key]: value } });
    });
  }

  #style(styles) {
    const scenes = styles.map((name) => new Option(`as in ${name}`, `scene:${name}`));
    const options = [new Option("drawn by the seed", BY_SEED), new Option("mixed from several scenes", MIXED), ...scenes];
    return this.#field("style", options, this.style, (style) => this.#choose({ style }));
  }

  #field(key, options, value, chosen) {
    const field = document.createElement("div");
    field.className = "field";
    const label = document.createElement("label");
    label.textContent = key[0].toUpperCase() + key.slice(1);
    label.htmlFor = `condition-${key}`;
    const select = document.createElement("select");
    select.id = label.htmlFor;
    select.append(...options);
    select.value = value;
    select.addEventListener("change", () => chosen(select.value));
    field.append(label, select);
    return field;
  }

  #note(chosen) {
    if (chosen) {
      const { variant, size, origin } = chosen;
      return `Variant ${variant}, ${size} × ${size} pixels. Training data: ${origin}.`;
    }
    return this.#models.length ? "Start the server with a model that paints SAR from zones." : "";
  }
}
