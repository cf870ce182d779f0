// The painted image beside the mask, with its model and seed.

import { equal } from "./mask.js";

const $ = (id) => document.getElementById(id);

export class Picture {
  /** @type {import("./pairs.js").Pair | null} whose image is shown; null before the first */
  pair = null;

  /** @param {boolean} on true while the server paints */
  set painting(on) {
    $("image-figure").classList.toggle("painting", on);
  }

  /**
   * @param {import("./pairs.js").Pair} pair
   * @param {string} url of its image
   * @param {import("./mask.js").Mask} mask that stands beside it
   */
  show(pair, url, mask) {
    this.pair = pair;
    $("image").src = url;
    $("image").hidden = false;
    $("image").alt = `Radar image painted from the mask: ${facts(pair)}`;
    $("save-all").disabled = false;
    this.compare(mask);
  }

  /** @param {import("./mask.js").Mask} mask the image may be older than this, and then says so */
  compare(mask) {
    if (!this.pair) return;
    const old = !equal(this.pair.mask, mask);
    $("image-figure").classList.toggle("stale", old);
    $("image-facts").textContent = old ? `${facts(this.pair)}: of an earlier mask` : facts(this.pair);
    $("save").disabled = old; // a pair must be one
  }
}

function facts({ model, version, seed }) {
  return `${model}, epoch ${version}, seed ${seed}`;
}
