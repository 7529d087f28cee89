// What the keys of `cgroup top` do. Pure: from a state and what was typed to another state.

export const sortKeys = ['path', 'tasks', 'cpu', 'memory', 'io', 'throttled', 'oom', 'stall', 'traffic'] as const;

export type SortKey = (typeof sortKeys)[number];

export interface TopState {
  readonly sort: SortKey;
  /** Milliseconds between two looks. */
  readonly delay: number;
  readonly paused: boolean;
  readonly help: boolean;
}

/** A signal: the terminal would send it for this key, if it were not ours. */
export type Wish = 'quit' | 'SIGINT' | 'SIGTSTP' | 'SIGQUIT';

export interface Pressed {
  readonly state: TopState;
  readonly wish: Wish | undefined;
}

/** The first five as of systemd-cgtop. */
const SORTS: Readonly<Record<string, SortKey>> = {
  p: 'path',
  t: 'tasks',
  c: 'cpu',
  m: 'memory',
  i: 'io',
  x: 'throttled',
  o: 'oom',
  s: 'stall',
  n: 'traffic',
};

const SAYS: Readonly<Record<SortKey, string>> = {
  path: 'path, or name',
  tasks: 'tasks, or processes',
  cpu: 'processors in use',
  memory: 'memory',
  io: 'reading and writing',
  throttled: 'being held back by a quota',
  oom: 'processes that were killed for want of memory',
  stall: 'waiting for processors, memory or disks (pressure)',
  traffic: 'network traffic',
};

const WISHES: Readonly<Record<string, Wish>> = {
  q: 'quit',
  '\u0003': 'SIGINT',
  '\u001A': 'SIGTSTP',
  '\u001C': 'SIGQUIT',
};

/** Milliseconds. */
const DELAYS = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/** Arrows and their kin, which nothing here listens to: their letters would be keys. */
// eslint-disable-next-line no-control-regex -- the terminal sends it
const SEQUENCE = /\u001B(?:\[[0-9;?]*[ -/]*[@-~]|O.|[^[])?/gu;

/** What rows can be sorted by. */
export interface Sortable {
  readonly sizes: Partial<Record<SortKey, unknown>>;
}

export function press(before: TopState, typed: string, { sizes }: Sortable): Pressed {
  let state = before;
  for (const key of typed.replaceAll(SEQUENCE, '')) {
    const wish = WISHES[key];
    if (wish !== undefined) return { state, wish };
    state = next(state, key, sizes);
  }
  return { state, wish: undefined };
}

function next(state: TopState, key: string, sizes: Sortable['sizes']): TopState {
  // Any key leads back from the help, and does nothing else.
  if (state.help) return { ...state, help: false };
  const sort = SORTS[key];
  if (sort !== undefined) return sort in sizes ? { ...state, sort } : state;
  switch (key) {
    case 'h':
    case '?':
      return { ...state, help: true };
    case ' ':
      return { ...state, paused: !state.paused };
    case '+':
      return { ...state, delay: DELAYS.find((delay) => delay > state.delay) ?? state.delay };
    case '-':
      return { ...state, delay: DELAYS.findLast((delay) => delay < state.delay) ?? state.delay };
    default:
      return state;
  }
}

/** A line each. */
export function keyHelp({ sizes }: Sortable): readonly string[] {
  const sorts = Object.entries(SORTS).filter(([, sort]) => sort in sizes);
  return [
    ...sorts.map(([key, sort]) => `${key}      sort by ${SAYS[sort]}`),
    'space  stand still, go on',
    '+ -    a longer, a shorter time between two looks',
    'h      this help; any key leads back',
    'q      the end',
  ];
}
