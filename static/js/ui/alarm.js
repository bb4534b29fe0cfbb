/** A chime that repeats until it is told to stop. Browsers keep silent until the reader has touched the page. */

const EVERY_MS = 4000;
const NOTES = [[783.99, 0], [987.77, 0.16], [1318.51, 0.32], [987.77, 0.62], [1318.51, 0.78]]; // Hz, seconds

export class Alarm {
  #context = null;
  #timer = null;
  #watchers = new Set();

  get isAudible() {
    return this.#context?.state === "running";
  }

  watch(watcher) {
    this.#watchers.add(watcher);
    watcher(this.isAudible);
  }

  /** To be called in a click: that is when a browser allows it. */
  async allow() {
    this.#context ??= this.#create();
    await this.#context.resume();
    this.#tell();
  }

  ring() {
    if (this.#timer) return;
    this.#chime();
    this.#timer = setInterval(() => this.#chime(), EVERY_MS);
  }

  hush() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  test() {
    this.#chime();
  }

  #create() {
    const context = new AudioContext();
    context.addEventListener("statechange", () => this.#tell());
    return context;
  }

  #chime() {
    if (!this.isAudible) return;
    const start = this.#context.currentTime + 0.02;
    for (const [pitch, after] of NOTES) this.#strike(pitch, start + after);
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
