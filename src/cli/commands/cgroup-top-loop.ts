// The course of `cgroup top`: looks, draws or prints, listens to keys, and gives the terminal back.

import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import { screenText } from '../../render/screen.ts';
import type { Context, Streaming } from '../define-command.ts';
import { gapNote } from '../gap-text.ts';
import type { ScreenEvents } from '../terminal-screen.ts';
import { Wake } from '../wake.ts';
import { press, type TopState } from './cgroup-top-keys.ts';
import { topLines, type TopView } from './cgroup-top-view.ts';

export interface Frame<Row> {
  /** Those that are wanted. */
  readonly rows: readonly Row[];
  readonly all: number;
  readonly gaps: readonly CountedGap[];
}

export interface TopRun<Row> {
  readonly view: TopView<Row>;
  readonly state: TopState;
  /** How many times after the first look, which tells no rates; Infinity: until it is ended. */
  readonly iterations: number;
  readonly look: () => Frame<Row>;
}

/** After the first look rates are wanted soon. Milliseconds. */
const FIRST_DELAY = 500;

/** A timer takes no more than 24 days. */
const LONG = 3_600_000;

/** What is written of a course that is read as lines. */
export interface Lines<Row> {
  readonly begin: (frame: Frame<Row>) => Promise<void>;
  readonly each: (frame: Frame<Row>) => Promise<void>;
  readonly end: (frame: Frame<Row>) => Promise<void>;
}

/** The first look tells no rates: it is not written. */
export async function printLooks<Row>(
  { state, iterations, look }: TopRun<Row>,
  streaming: Streaming,
  lines: Lines<Row>,
): Promise<void> {
  const wake = new Wake(streaming.ending);
  let frame = look();
  await lines.begin(frame);
  let next = performance.now() + state.delay;
  for (let made = 0; made < iterations && !streaming.ending.aborted;) {
    await wake.sleep(next - performance.now());
    if (performance.now() < next || streaming.ending.aborted) continue;
    frame = look();
    made += 1;
    next = Math.max(next + state.delay, performance.now());
    await lines.each(frame);
  }
  await lines.end(frame);
}

/** Draws each look over the one before. */
export async function drawLooks<Row>(run: TopRun<Row>, context: Context, streaming: Streaming): Promise<void> {
  const course = new Drawing(run, streaming, (await context.theme(context.stdout)).heading);
  const screen = await context.screen(course.events);
  let last: readonly string[] = [];
  let failure: unknown;
  try {
    last = await course.run(screen);
  } catch (error) {
    failure = error;
  }
  if (!screen.close()) return untilEnded(streaming.ending);
  if (failure !== undefined) throw failure;
  // The other screen took it away.
  if (!streaming.ending.aborted && run.iterations !== Infinity) await streaming.emit(`${last.join('\n')}\n`);
}

async function untilEnded(ending: AbortSignal): Promise<void> {
  if (!ending.aborted) await new Promise((done) => ending.addEventListener('abort', done, { once: true }));
}

type Screen = Awaited<ReturnType<Context['screen']>>;

class Drawing<Row> {
  private state: TopState;
  private typed = '';
  private isStopWished = false;
  private isStale = true;
  private readonly wake: Wake;
  private readonly options: TopRun<Row>;
  private readonly streaming: Streaming;
  private readonly styleHeading: (text: string) => string;

  readonly events: ScreenEvents = {
    onKeys: (text) => {
      this.typed += text;
      this.wake.up();
    },
    onChange: () => {
      this.isStale = true;
      this.wake.up();
    },
    onStop: () => {
      this.isStopWished = true;
      this.wake.up();
    },
  };

  constructor(options: TopRun<Row>, streaming: Streaming, styleHeading: (text: string) => string) {
    this.options = options;
    this.state = options.state;
    this.streaming = streaming;
    this.styleHeading = styleHeading;
    this.wake = new Wake(streaming.ending);
  }

  /** What was drawn last. */
  async run(screen: Screen): Promise<readonly string[]> {
    const { iterations, look } = this.options;
    let frame = look();
    let looked = performance.now();
    let [made, time] = [0, new Date()];
    let lines: readonly string[] = [];
    while (!this.streaming.ending.aborted) {
      if (this.isStale) {
        this.isStale = false;
        lines = this.lines(frame, time, screen);
        await this.streaming.emit(screenText(lines));
      }
      if (made >= iterations) break;
      const delay = made === 0 ? Math.min(this.state.delay, FIRST_DELAY) : this.state.delay;
      await this.wake.sleep(this.state.paused ? LONG : looked + delay - performance.now());
      if (this.hasQuit(screen)) break;
      if (this.isStopWished) this.stop(screen);
      if (this.state.paused || performance.now() < looked + delay) continue;
      // Not later and later: each look takes its time.
      looked = Math.max(looked + delay, performance.now() - delay);
      [frame, time] = [look(), new Date()];
      made += 1;
      this.isStale = true;
    }
    return lines;
  }

  private hasQuit(screen: Screen): boolean {
    if (this.typed === '') return false;
    const { state, wish } = press(this.state, this.typed, this.options.view);
    this.typed = '';
    this.isStale = true;
    this.state = state;
    if (wish !== undefined && wish !== 'quit') screen.signal(wish);
    return wish === 'quit';
  }

  private stop(screen: Screen): void {
    this.isStopWished = false;
    screen.stop();
  }

  private lines({ rows, all, gaps }: Frame<Row>, time: Date, screen: Screen): readonly string[] {
    const missing = isComplete(gaps) ? null : gaps.map(gapNote).join('; ');
    const clock = time.toTimeString().slice(0, 8);
    const { state, styleHeading } = this;
    const { view } = this.options;
    return topLines({ view, rows, all, state, size: screen.size(), clock, gaps: missing, styleHeading });
  }
}
