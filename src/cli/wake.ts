// Sleeping until something is to be done.

/** Sleeps until somebody wakes it up, or it is time. */
export class Wake {
  private wakeUp: () => void = () => {};
  private isDue = false;

  constructor(ending: AbortSignal) {
    ending.addEventListener('abort', () => this.up());
  }

  up(): void {
    this.isDue = true;
    this.wakeUp();
  }

  /** Not at all for 0, but others get their turn: signals, and what is due. */
  async sleep(ms: number): Promise<void> {
    if (this.isDue || ms <= 0) await new Promise((done) => setImmediate(done));
    else await this.until(ms);
    this.isDue = false;
  }

  private async until(ms: number): Promise<void> {
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        done();
      };
    });
    this.wakeUp = () => {};
  }
}
