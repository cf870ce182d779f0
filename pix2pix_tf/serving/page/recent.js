// The last images, as thumbnails that lead back to their mask and seed.

const LIMIT = 16; // images; each keeps its mask as well

export class Recent {
  #list;
  #chosen;
  #thumbs = new Map(); // of each pair, the newest last
  #provisional = null; // the newest pair, where it may give way to the next one

  /**
   * @param {HTMLElement} list where the thumbnails go
   * @param {(pair: import("./pairs.js").Pair) => void} chosen called when the user clicks on one
   */
  constructor(list, chosen) {
    this.#list = list;
    this.#chosen = chosen;
  }

  /** @returns {import("./pairs.js").Pair[]} the newest last */
  get pairs() {
    return [...this.#thumbs.keys()];
  }

  /**
   * @param {import("./pairs.js").Pair} pair
   * @param {boolean} asked whether the user asked for it; of the images between strokes only the last stays
   */
  add(pair, asked) {
    if (this.#provisional && !asked) this.#drop(this.#provisional);
    this.#provisional = asked ? null : pair;
    this.#thumbs.set(pair, this.#thumb(pair));
    this.#list.prepend(this.#thumbs.get(pair));
    if (this.#thumbs.size > LIMIT) this.#drop(this.pairs[0]);
    this.mark(pair);
  }

  /** @param {import("./pairs.js").Pair} pair @returns {string} an address of its image, good while it is here */
  urlOf(pair) {
    return this.#thumbs.get(pair).firstChild.src;
  }

  /** @param {import("./pairs.js").Pair} current that is shown on the stage */
  mark(current) {
    for (const [pair, thumb] of this.#thumbs) thumb.setAttribute("aria-current", String(pair === current));
  }

  #thumb(pair) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = `Back to this mask: ${pair.model}, epoch ${pair.version}, seed ${pair.seed}`;
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([pair.png], { type: "image/png" }));
    image.alt = button.title;
    button.append(image);
    button.addEventListener("click", () => {
      if (this.#provisional === pair) this.#provisional = null; // somebody wants it
      this.#chosen(pair);
    });
    return button;
  }

  #drop(pair) {
    URL.revokeObjectURL(this.urlOf(pair));
    this.#thumbs.get(pair).remove();
    this.#thumbs.delete(pair);
  }
}
