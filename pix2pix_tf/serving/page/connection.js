// Watches for the server after a request failed, until it is back.

import { isHealthy } from "./api.js";

const PERIOD = 2000; // milliseconds between two checks

export class Connection {
  #banner;
  #back;
  #away = false;

  /**
   * @param {HTMLElement} banner seen while the server is away
   * @param {() => void} back called when it has come back
   */
  constructor(banner, back) {
    this.#banner = banner;
    this.#back = back;
  }

  /** A request got no answer. */
  async lost() {
    if (this.#away) return;
    this.#away = true;
    this.#banner.hidden = false;
    do await new Promise((resolve) => setTimeout(resolve, PERIOD));
    while (!(await isHealthy()));
    this.#away = false;
    this.#banner.hidden = true;
    this.#back();
  }
}
