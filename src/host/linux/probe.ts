// Probes, some at a time: each by a socket of its own, opened in the namespace that it is sent from. It waits, and while it
// does nothing else runs: see in-namespace.ts for why nothing of this is asynchronous.

import { closeSync } from 'node:fs';
import { doorText } from '../../kernel/door.ts';
import { value, type Reading } from '../../kernel/host.ts';
import { view } from '../../kernel/netlink/message.ts';
import type { Probe, ProbeAnswer } from '../../kernel/probe.ts';
import { libc } from '../ffi/libc.ts';
import { inNamespace } from './in-namespace.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';
import { getReady, openAttempt, type Attempt } from './probe-attempt.ts';

const MOST_AT_ONCE = 64;
const LONGEST_MS = 60_000;
const POLLFD_LENGTH = 8;

interface Waiting {
  readonly at: number;
  readonly attempt: Attempt;
  readonly deadline: number;
}

/** An answer for each, in their order. Errors: gone, denied, unsupported: of the namespace, and of the socket. */
export function probe(probes: readonly Probe[]): readonly Reading<ProbeAnswer>[] {
  const answers: Reading<ProbeAnswer>[] = [];
  const waiting = new Set<Waiting>();
  const end = (one: Waiting, answer: ProbeAnswer): void => {
    closeSync(one.attempt.fd);
    waiting.delete(one);
    answers[one.at] = value(answer);
  };
  try {
    getReady();
    for (let next = 0; next < probes.length || waiting.size > 0;) {
      const asked = waiting.size < MOST_AT_ONCE ? probes[next] : undefined;
      if (asked !== undefined) {
        const begun = begin(asked);
        if ('attempt' in begun) waiting.add({ ...begun, at: next });
        else answers[next] = begun;
        next += 1;
      }
      // Also while others are begun: an answer that nobody looks at grows old.
      for (const [one, answer] of answersOf([...waiting], asked === undefined)) end(one, answer);
    }
    return answers;
  } finally {
    for (const { attempt } of waiting) closeSync(attempt.fd);
  }
}

function begin(asked: Probe): Omit<Waiting, 'at'> | Reading<ProbeAnswer> {
  const { namespace } = asked;
  try {
    const begun = namespace === null ? openAttempt(asked) : openIn(openDoor(namespace), asked);
    if (!('fd' in begun)) return value(begun);
    return { attempt: begun, deadline: performance.now() + Math.min(asked.timeout, LONGEST_MS) };
  } catch (error) {
    const where = namespace === null ? '' : ` ${doorText(namespace)}`;
    return gapOfThrown(`probe${where}`, error);
  }
}

function openIn(namespace: number, asked: Probe): Attempt | ProbeAnswer {
  try {
    return inNamespace('net', namespace, () => openAttempt(asked));
  } finally {
    closeSync(namespace);
  }
}

/** Those that are over now; `waits`: once something has happened to one of them. */
function answersOf(waiting: readonly Waiting[], waits: boolean): readonly (readonly [Waiting, ProbeAnswer])[] {
  const descriptors = new Uint8Array(waiting.length * POLLFD_LENGTH);
  for (const [at, { attempt }] of waiting.entries()) {
    view(descriptors).setInt32(at * POLLFD_LENGTH, attempt.fd, true);
    view(descriptors).setUint16(at * POLLFD_LENGTH + 4, attempt.events, true);
  }
  const first = Math.min(...waiting.map(({ deadline }) => deadline));
  // A signal that is handled ends the wait early; then all are looked at again.
  libc().tryPoll(descriptors, waits ? Math.max(0, Math.ceil(first - performance.now())) : 0);
  const now = performance.now();
  return waiting.flatMap((one, at) => {
    const isReady = view(descriptors).getUint16(at * POLLFD_LENGTH + 6, true) !== 0;
    const answer = isReady ? one.attempt.look() : undefined;
    if (answer !== undefined) return [[one, answer] as const];
    return now >= one.deadline ? [[one, one.attempt.nothing] as const] : [];
  });
}
