// When images are asked for: once the hand rests, and only the newest request counts.

import { Refused } from "./api.js";

const REST = 250; // milliseconds without a change before a live image is asked for
const BUSY = 1000; // milliseconds before a busy server is asked again

export class Painter {
  #send;
  #tell;
  #timer = 0;
  #newest = null; // the AbortController of the newest request; null when none runs

  /**
   * @param {(signal: AbortSignal) => Promise<T>} send asks for the image of what is drawn now
   * @param {{started: () => void, painted: (answer: T, asked: boolean) => void, busy: () => void,
   *   failed: (error: Error) => void, ended: () => void}} tell asked: by the user, not by a stroke
   * @template T
   */
  constructor(send, tell) {
    this.#send = send;
    this.#tell = tell;
  }

  /** Asks once nothing has changed for a moment. */
  soon() {
    this.#later(REST, false);
  }

  /** @param {boolean} asked whether the user asked for this very image */
  async now(asked = true) {
    this.stop();
    const mine = new AbortController();
    this.#newest = mine;
    this.#tell.started();
    try {
      const answer = await this.#send(mine.signal);
      if (mine === this.#newest) this.#tell.painted(answer, asked);
    } catch (error) {
      if (mine !== this.#newest) return; // a newer request runs, and this one's end is nobody's concern
      if (error instanceof Refused && error.status === 503) {
        this.#tell.busy();
        this.#later(BUSY, asked);
      } else {
        this.#tell.failed(error);
      }
    } finally {
      if (mine === this.#newest) {
        this.#newest = null;
        this.#tell.ended();
      }
    }
  }

  /** Nothing is waited for any more; an answer that still comes is dropped. */
  stop() {
    clearTimeout(this.#timer);
    if (!this.#newest) return;
    this.#newest.abort();
    this.#newest = null;
    this.#tell.ended();
  }

  #later(milliseconds, asked) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(asked), milliseconds);
  }
}
