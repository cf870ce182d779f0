// Decides when to request an image: once the drawing rests; only the newest request counts.

import { Refused } from "./api.js";

const REST = 250; // milliseconds without a change before a live image is requested
const BUSY = 1000; // milliseconds before the next attempt at a busy server

export class Painter {
  #send;
  #on;
  #timer = 0;
  #newest = null; // the AbortController of the newest request; null when none runs

  /**
   * @param {(signal: AbortSignal) => Promise<T>} send requests the image of the present drawing
   * @param {{started: () => void, painted: (answer: T, asked: boolean) => void, busy: () => void,
   *   failed: (error: Error) => void, ended: () => void}} on asked: by the user, not by a stroke
   * @template T
   */
  constructor(send, on) {
    this.#send = send;
    this.#on = on;
  }

  /** Requests an image once nothing has changed for a moment. */
  soon() {
    this.#later(REST, false);
  }

  /** @param {boolean} asked true if the user requested this image */
  async now(asked = true) {
    this.stop();
    const mine = new AbortController();
    this.#newest = mine;
    this.#on.started();
    try {
      const answer = await this.#send(mine.signal);
      if (mine === this.#newest) this.#on.painted(answer, asked);
    } catch (error) {
      if (mine !== this.#newest) return; // a newer request runs; this one no longer counts
      if (error instanceof Refused && error.status === 503) {
        this.#on.busy();
        this.#later(BUSY, asked);
      } else {
        this.#on.failed(error);
      }
    } finally {
      if (mine === this.#newest) {
        this.#newest = null;
        this.#on.ended();
      }
    }
  }

  /** Cancels all requests; a late response is dropped. */
  stop() {
    clearTimeout(this.#timer);
    if (!this.#newest) return;
    this.#newest.abort();
    this.#newest = null;
    this.#on.ended();
  }

  #later(milliseconds, asked) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(asked), milliseconds);
  }
}
