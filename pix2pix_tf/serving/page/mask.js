// The drawing: class indices in an array, and what brush, line and fill do to them. No DOM here.
//
// A mask is never blended: each pixel holds the index of one zone, and only what is shown or sent has colours or greys.

/** The zones, in the order of ZONE_VALUES in pix2pix_tf/data/classes.py: grey in a PNG, sRGB on the screen. */
export const ZONES = Object.freeze([
  { name: "not available", hint: "shadow, no data", grey: 0, colour: [0, 0, 0] },
  { name: "rock", hint: "", grey: 64, colour: [213, 94, 0] },
  { name: "glacier", hint: "", grey: 127, colour: [150, 205, 240] },
  { name: "ocean", hint: "and ice mélange", grey: 254, colour: [0, 80, 150] },
]);

export const OCEAN = 3;

/**
 * @typedef {object} Mask
 * @property {number} width pixels
 * @property {number} height pixels
 * @property {Uint8Array} cells [height * width] row by row, indices into ZONES
 */

/**
 * A mask of one zone.
 * @param {number} width pixels
 * @param {number} height pixels
 * @param {number} zone index into ZONES
 * @returns {Mask}
 */
export function blank(width, height, zone) {
  return { width, height, cells: new Uint8Array(width * height).fill(zone) };
}

/** @param {Mask} mask @returns {Mask} */
export function copy(mask) {
  return { ...mask, cells: mask.cells.slice() };
}

/** @param {Mask} one @param {Mask} other @returns {boolean} whether both are the same drawing */
export function equal(one, other) {
  const same = one.width === other.width && one.height === other.height;
  return same && one.cells.every((zone, i) => zone === other.cells[i]);
}

/**
 * Draws a thick line with round ends; a single stamp of the brush where both ends are the same.
 *
 * A pixel is painted when its centre is within half the diameter of the segment between the centres of the two end
 * pixels. Odd diameters are therefore exact: 1 is one pixel, 5 is five pixels wide.
 * @param {Mask} mask changed in place
 * @param {[number, number]} from column and row of a pixel; may lie outside
 * @param {[number, number]} to likewise
 * @param {number} diameter pixels
 * @param {number} zone index into ZONES
 */
export function drawLine(mask, [x0, y0], [x1, y1], diameter, zone) {
  const radius = diameter / 2;
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length2 = dx * dx + dy * dy;
  const bottom = Math.min(mask.height - 1, Math.floor(Math.max(y0, y1) + radius));
  const right = Math.min(mask.width - 1, Math.floor(Math.max(x0, x1) + radius));
  for (let y = Math.max(0, Math.ceil(Math.min(y0, y1) - radius)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.ceil(Math.min(x0, x1) - radius)); x <= right; x++) {
      const along = length2 && Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length2));
      const distance2 = (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2;
      if (distance2 <= radius * radius) mask.cells[y * mask.width + x] = zone;
    }
  }
}

/**
 * Gives another zone to the connected region of one zone (4 neighbours) around a pixel.
 * @param {Mask} mask changed in place
 * @param {[number, number]} start column and row of a pixel; outside, nothing happens
 * @param {number} zone index into ZONES
 */
export function fill(mask, [x, y], zone) {
  const { width, height, cells } = mask;
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const old = cells[y * width + x];
  if (old === zone) return;
  const waiting = [y * width + x];
  cells[waiting[0]] = zone; // painted when it is put down, so that no pixel waits twice
  while (waiting.length) {
    const place = waiting.pop();
    const column = place % width;
    const beside = [place - width, place + width];
    if (column > 0) beside.push(place - 1);
    if (column < width - 1) beside.push(place + 1);
    for (const next of beside) {
      if (cells[next] === old) {
        cells[next] = zone; // above the first and below the last row there are no cells
        waiting.push(next);
      }
    }
  }
}

/**
 * Cuts a mask to its middle square and scales that by nearest neighbour, which invents no zones.
 * @param {Mask} mask
 * @param {number} size pixels a side
 * @returns {Mask} the same object where nothing is to do
 */
export function fitTo(mask, size) {
  if (mask.width === size && mask.height === size) return mask;
  const side = Math.min(mask.width, mask.height);
  const [left, top] = [Math.floor((mask.width - side) / 2), Math.floor((mask.height - side) / 2)];
  const made = blank(size, size, 0);
  const source = (i) => Math.floor(((i + 0.5) * side) / size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      made.cells[y * size + x] = mask.cells[(top + source(y)) * mask.width + left + source(x)];
    }
  }
  return made;
}

/** @param {Mask} mask @returns {Uint8Array} [height * width] grey values, as a PNG for the model has them */
export function greys(mask) {
  return mask.cells.map((zone) => ZONES[zone].grey);
}

/** @param {Mask} mask @returns {Uint8ClampedArray} [height * width * 4] RGBA for the screen */
export function colours(mask) {
  const rgba = new Uint8ClampedArray(mask.cells.length * 4);
  for (let i = 0; i < mask.cells.length; i++) {
    const [red, green, blue] = ZONES[mask.cells[i]].colour;
    [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2], rgba[4 * i + 3]] = [red, green, blue, 255];
  }
  return rgba;
}

/** Masks as they were, for undo and redo. The newest `steps` are kept, and never more than `bytes`. */
export class History {
  #past = [];
  #future = [];
  #steps;
  #bytes;

  constructor(steps = 100, bytes = 64e6) {
    this.#steps = steps;
    this.#bytes = bytes;
  }

  /** @param {Mask} before the drawing as it was before a change; what was undone cannot be redone any more */
  add(before) {
    this.#past.push(before);
    this.#future = [];
    const size = () => this.#past.reduce((sum, mask) => sum + mask.cells.length, 0);
    while (this.#past.length > this.#steps || (this.#past.length > 1 && size() > this.#bytes)) this.#past.shift();
  }

  /** @param {Mask} now @returns {Mask} the drawing before the last change; `now` where there is none */
  undo(now) {
    return this.#move(this.#past, this.#future, now);
  }

  /** @param {Mask} now @returns {Mask} the drawing before the last undo; `now` where there is none */
  redo(now) {
    return this.#move(this.#future, this.#past, now);
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  #move(from, to, now) {
    if (!from.length) return now;
    to.push(now);
    return from.pop();
  }
}
