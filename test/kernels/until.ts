const LONGEST = 40_000;

/** Waits until it holds; fails when that takes too long. */
export async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 50) {
    if (waited > LONGEST) throw new Error(`never came: ${condition.toString()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
