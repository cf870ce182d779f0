// Mask and image enlarged alike: by the buttons, the keys + and -, Ctrl and the wheel, or two fingers.

const LARGEST = 8; // times
const WHEEL = 0.002; // of a wheel's delta: one notch of a mouse is a factor of some 1.2

/**
 * The picture in its frame: `factor` times as large as the frame, and moved by x and y, in frames, from 1 - factor to 0.
 */
export class View {
  factor = 1;
  x = 0;
  y = 0;

  /**
   * Enlarges; what lies under a point stays there.
   * @param {number} times 2: twice as large as it is now
   * @param {[number, number]} at part of the frame's width and height, from 0 to 1
   */
  zoom(times, [atX, atY] = [0.5, 0.5]) {
    const factor = Math.min(LARGEST, Math.max(1, this.factor * times));
    const grown = factor / this.factor;
    this.factor = factor;
    this.x = atX - (atX - this.x) * grown;
    this.y = atY - (atY - this.y) * grown;
    this.move(0, 0);
  }

  /** Moves what is seen, by parts of the frame, up to its border. */
  move(x, y) {
    const inside = (value) => Math.min(0, Math.max(1 - this.factor, value));
    this.x = inside(this.x + x);
    this.y = inside(this.y + y);
  }
}

export class Zoom {
  #panes;
  #buttons;
  #fingers = new Map(); // places of the fingers on a frame, by pointer
  view = new View();

  /**
   * @param {HTMLElement} panes whose frames are enlarged alike
   * @param {{larger: HTMLButtonElement, smaller: HTMLButtonElement, factor: HTMLElement}} buttons
   * @param {() => void} abandon called when a second finger shows that the first does not draw
   */
  constructor(panes, buttons, abandon) {
    this.#panes = panes;
    this.#buttons = buttons;
    buttons.larger.addEventListener("click", () => this.zoom(2));
    buttons.smaller.addEventListener("click", () => this.zoom(0.5));
    for (const frame of panes.querySelectorAll(".frame")) {
      frame.addEventListener("wheel", (event) => this.#wheel(event, frame), { passive: false });
      frame.addEventListener("pointerdown", (event) => this.#down(event, abandon), true);
      frame.addEventListener("pointermove", (event) => this.#pinch(event, frame), true);
      for (const name of ["pointerup", "pointercancel"]) {
        frame.addEventListener(name, (event) => this.#fingers.delete(event.pointerId), true);
      }
    }
    this.#show();
  }

  zoom(times, at) {
    this.view.zoom(times, at);
    this.#show();
  }

  #wheel(event, frame) {
    const box = frame.getBoundingClientRect();
    if (event.ctrlKey) {
      this.zoom(Math.exp(-WHEEL * event.deltaY), place(event, box));
    } else if (this.view.factor > 1) {
      this.view.move(-event.deltaX / box.width, -event.deltaY / box.height);
      this.#show();
    } else {
      return; // the page scrolls
    }
    event.preventDefault();
  }

  #down(event, abandon) {
    if (event.pointerType !== "touch") return;
    this.#fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#fingers.size === 2) abandon();
  }

  #pinch(event, frame) {
    if (!this.#fingers.has(event.pointerId)) return;
    const before = [...this.#fingers.values()];
    this.#fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (before.length !== 2) return;
    event.stopPropagation(); // no stroke
    const after = [...this.#fingers.values()];
    const box = frame.getBoundingClientRect();
    const [from, to] = [middle(before), middle(after)];
    this.view.move((to[0] - from[0]) / box.width, (to[1] - from[1]) / box.height);
    this.zoom(spread(after) / Math.max(1, spread(before)), place({ clientX: to[0], clientY: to[1] }, box));
  }

  #show() {
    const { factor, x, y } = this.view;
    this.#panes.style.setProperty("--zoom", factor);
    this.#panes.style.setProperty("--left", `${100 * x}%`);
    this.#panes.style.setProperty("--top", `${100 * y}%`);
    this.#panes.classList.toggle("zoomed", factor > 1);
    this.#buttons.factor.textContent = `${Number(factor.toFixed(1))} ×`;
    this.#buttons.smaller.disabled = factor === 1;
    this.#buttons.larger.disabled = factor === LARGEST;
  }
}

function place(event, box) {
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

function middle([[x1, y1], [x2, y2]]) {
  return [(x1 + x2) / 2, (y1 + y2) / 2];
}

function spread([[x1, y1], [x2, y2]]) {
  return Math.hypot(x1 - x2, y1 - y2);
}
