/** Chimes that repeat until they are told to stop. Browsers keep silent until the reader has touched the page. */

const EVERY_MS = 4000;
// Hz, seconds. The later of two that ring at once is the one that is heard.
const TUNES = {
  order: [[783.99, 0], [987.77, 0.16], [1318.51, 0.32], [987.77, 0.62], [1318.51, 0.78]],
  ended: [[622.25, 0], [440, 0.3], [622.25, 0.6], [440, 0.9], [622.25, 1.2], [440, 1.5]],
};

export class Alarm {
  #context = null;
  #ringing = new Set();
  #timer = null;
  #watchers = new Set();

  get isAudible() {
    return this.#context?.state === "running";
  }

  watch(watcher) {
    this.#watchers.add(watcher);
    watcher(this.isAudible);
  }

  /** Sound at once where the browser allows it, as after signing in on the page before. */
  begin() {
    this.#context ??= this.#create();
    this.#tell();
  }

  /** To be called in a click: that is when a browser allows it. */
  async allow() {
    this.begin();
    await this.#context.resume();
    this.#tell();
  }

  /** @param {"order" | "ended"} tune */
  ring(tune = "order") {
    if (this.#ringing.has(tune)) return;
    this.#ringing.add(tune);
    this.#chime();
    this.#timer ??= setInterval(() => this.#chime(), EVERY_MS);
  }

  hush(tune = "order") {
    this.#ringing.delete(tune);
    if (this.#ringing.size) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  test() {
    this.#play(TUNES.order);
  }

  #create() {
    const context = new AudioContext();
    context.addEventListener("statechange", () => this.#tell());
    return context;
  }

  #chime() {
    this.#play(TUNES[[...this.#ringing].at(-1)]);
  }

  #play(tune) {
    if (!this.isAudible) return;
    const start = this.#context.currentTime + 0.02;
    for (const [pitch, after] of tune) this.#strike(pitch, start + after);
  }

  /** One bar of a marimba: a sine, its fourth partial, and a quick decay. */
  #strike(pitch, at) {
    for (const [partial, loudness, length] of [[1, 0.5, 0.7], [4, 0.12, 0.2]]) {
      const gain = this.#context.createGain();
      gain.gain.setValueAtTime(0.0001, at);
      gain.gain.exponentialRampToValueAtTime(loudness, at + 0.01);
      gain.gain.exponentialRampToValueAtTime(0.0001, at + length);
      gain.connect(this.#context.destination);
      const tone = new OscillatorNode(this.#context, { frequency: pitch * partial });
      tone.connect(gain);
      tone.start(at);
      tone.stop(at + length);
    }
  }

  #tell() {
    for (const watcher of this.#watchers) watcher(this.isAudible);
  }
}
