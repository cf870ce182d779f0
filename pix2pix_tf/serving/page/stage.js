// The canvas to draw on: pointer and keyboard become brush strokes, lines and fills of a mask.

import { ZONES, colours, copy, drawLine, equal, fill } from "./mask.js";

const STEPS = 64; // an arrow key moves the cursor by this part of the mask's side; with Shift by one pixel
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SPEAK_AFTER = 400; // milliseconds that the cursor rests before its place is read out

/**
 * @typedef {object} Tool the present tool; read at every use
 * @property {"brush" | "line" | "fill"} kind
 * @property {number} zone index into ZONES
 * @property {number} size diameter of brush and line, pixels of the mask
 */

export class Stage {
  #parts;
  #tool;
  #changed;
  #context;
  #mask;
  #before = null; // the mask when the stroke began; null between strokes
  #held = null; // the tool as it was then: another choice counts from the next stroke on
  #last = [0, 0]; // where the stroke has come to, or where a line begins
  #cursor = [0, 0]; // of the keyboard
  #waits = false; // for the next frame, to be drawn
  #timer = 0;

  /**
   * @param {{canvas: HTMLCanvasElement, overlay: SVGSVGElement, preview: SVGLineElement, rings: SVGCircleElement[],
   *   place: HTMLElement}} parts of the page
   * @param {Tool} tool
   * @param {(before: import("./mask.js").Mask) => void} changed called after each change, with the mask before it
   */
  constructor(parts, tool, changed) {
    this.#parts = parts;
    this.#tool = tool;
    this.#changed = changed;
    this.#context = parts.canvas.getContext("2d");
    const on = (name, handler) => parts.canvas.addEventListener(name, handler);
    on("pointerdown", (event) => this.#pointerDown(event));
    on("pointermove", (event) => this.#pointerMove(event));
    on("pointerup", (event) => this.#pointerUp(event));
    on("pointercancel", () => this.abandon());
    on("pointerleave", () => this.#before || this.#showRing(null));
    on("contextmenu", (event) => event.preventDefault()); // a long touch is a stroke
    on("keydown", (event) => this.#keyDown(event));
    on("keyup", (event) => this.#isPress(event) && this.#held?.kind !== "line" && this.#end(this.#cursor));
    on("focus", () => parts.canvas.matches(":focus-visible") && this.#showRing(this.#cursor));
    on("blur", () => this.#leave());
  }

  get mask() {
    return this.#mask;
  }

  /** @param {import("./mask.js").Mask} mask drawn on from now on, in place */
  show(mask) {
    const { canvas, overlay, preview } = this.#parts;
    this.#before = null;
    preview.setAttribute("visibility", "hidden");
    if (mask.width !== canvas.width || mask.height !== canvas.height || !this.#mask) {
      [canvas.width, canvas.height] = [mask.width, mask.height];
      overlay.setAttribute("viewBox", `0 0 ${mask.width} ${mask.height}`);
      this.#cursor = [mask.width >> 1, mask.height >> 1];
    }
    this.#mask = mask;
    this.#redraw();
  }

  /** The tool has changed: the ring, where it is seen, gets the brush's size. */
  refresh() {
    for (const ring of this.#parts.rings) ring.setAttribute("r", this.#radius);
  }

  // ---- A stroke, by pointer or keyboard ----

  #begin(at) {
    this.#before = copy(this.#mask);
    this.#held = { ...this.#tool };
    this.#last = at;
    this.#extend(at);
  }

  #extend(at) {
    if (!this.#before) return;
    if (this.#held.kind === "line") {
      this.#showPreview(at);
    } else if (this.#held.kind === "brush") {
      drawLine(this.#mask, this.#last, at, this.#held.size, this.#held.zone);
      this.#last = at;
      this.#redraw();
    }
  }

  #end(at) {
    if (!this.#before) return;
    if (this.#held.kind === "line") {
      drawLine(this.#mask, this.#last, at, this.#held.size, this.#held.zone);
    } else if (this.#held.kind === "fill") { // not before: the first finger of two that zoom fills nothing
      fill(this.#mask, this.#last, this.#held.zone);
    }
    this.#finish();
  }

  #finish() {
    const before = this.#before;
    this.#before = null;
    this.#parts.preview.setAttribute("visibility", "hidden");
    this.#redraw();
    if (!equal(before, this.#mask)) this.#changed(before);
  }

  /** Undoes an unfinished stroke. */
  abandon() {
    if (!this.#before) return;
    this.#mask.cells.set(this.#before.cells);
    this.#finish();
  }

  // ---- Mouse, touch, pen ----

  #pointerDown(event) {
    if (!event.isPrimary || event.button !== 0) return; // a second finger does not draw
    this.#parts.canvas.setPointerCapture(event.pointerId);
    this.abandon(); // a line begun with the keyboard
    this.#begin(this.#pixel(event));
    this.#showRing(this.#pixel(event));
  }

  #pointerMove(event) {
    if (!event.isPrimary) return;
    this.#showRing(this.#pixel(event));
    if (!(event.buttons & 1)) return;
    const all = event.getCoalescedEvents?.() ?? []; // where the pointer has been since the last frame
    for (const one of all.length ? all : [event]) this.#extend(this.#pixel(one));
  }

  #pointerUp(event) {
    if (!event.isPrimary) return;
    this.#end(this.#pixel(event));
    if (event.pointerType === "touch") this.#showRing(null);
  }

  #pixel(event) {
    const box = this.#parts.canvas.getBoundingClientRect();
    const column = ((event.clientX - box.left) / box.width) * this.#mask.width;
    const row = ((event.clientY - box.top) / box.height) * this.#mask.height;
    return [Math.floor(column), Math.floor(row)];
  }

  // ---- Keyboard ----

  #isPress(event) {
    return event.key === " " || event.key === "Enter";
  }

  #keyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      this.#moveCursor(ARROWS[event.key], event.shiftKey ? 1 : Math.max(1, Math.round(this.#mask.width / STEPS)));
    } else if (this.#isPress(event)) {
      if (!event.repeat) this.#before ? this.#end(this.#cursor) : this.#begin(this.#cursor);
    } else if (event.key === "Escape") {
      this.abandon();
    } else {
      return;
    }
    event.preventDefault(); // no scrolling
    this.#showRing(this.#cursor);
  }

  #moveCursor([dx, dy], step) {
    const inside = (value, side) => Math.min(side - 1, Math.max(0, value));
    const [x, y] = this.#cursor;
    this.#cursor = [inside(x + dx * step, this.#mask.width), inside(y + dy * step, this.#mask.height)];
    this.#extend(this.#cursor);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), SPEAK_AFTER);
  }

  #speak() {
    const [x, y] = this.#cursor;
    this.#parts.place.textContent = `column ${x}, row ${y}: ${ZONES[this.#mask.cells[y * this.#mask.width + x]].name}`;
  }

  #leave() {
    if (this.#held?.kind === "line") this.abandon();
    else this.#end(this.#cursor);
    this.#showRing(null);
  }

  // ---- Display ----

  #redraw() {
    if (this.#waits) return;
    this.#waits = true;
    requestAnimationFrame(() => {
      this.#waits = false;
      this.#context.putImageData(new ImageData(colours(this.#mask), this.#mask.width), 0, 0);
    });
  }

  get #radius() {
    return this.#tool.kind === "fill" ? this.#mask.width / STEPS / 2 : this.#tool.size / 2;
  }

  #showRing(at) {
    for (const ring of this.#parts.rings) {
      ring.setAttribute("visibility", at ? "visible" : "hidden");
      if (at) set(ring, { cx: at[0] + 0.5, cy: at[1] + 0.5, r: this.#radius });
    }
  }

  #showPreview(at) {
    const [[x1, y1], [x2, y2]] = [this.#last, at].map((end) => end.map((value) => value + 0.5));
    const { size, zone } = this.#held;
    const stroke = `rgb(${ZONES[zone].colour.join(" ")})`;
    set(this.#parts.preview, { x1, y1, x2, y2, stroke, "stroke-width": size, visibility: "visible" });
  }
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
