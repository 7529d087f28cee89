// Process events: any bytes give events or a malformed answer; and whatever order they come in, what is known agrees with
// a look at everything. FC_SECONDS goes long.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeProcessEvents, encodeListen } from '../../src/kernel/netlink/process-events.ts';
import type { NamespaceId } from '../../src/kernel/text/namespace-link.ts';
import { KnownNamespaces, type Sight } from '../../src/namespaces/watch/known-namespaces.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 500, seed: 20_261_122 };

/** A request, which has the form of an event up to its length, with some bytes changed and others behind it. */
const nearly = fc
  .tuple(fc.uint8Array({ minLength: 40, maxLength: 80 }), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
  .map(([tail, changes]) => {
    const bytes = Uint8Array.from([...encodeListen(true).slice(0, 36), ...tail]);
    bytes[0] = bytes.length;
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes;
  });

it('any bytes are events or malformed', () => {
  fc.assert(
    fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const decoded = decodeProcessEvents(bytes, 'x');
      if (!decoded.ok) return decoded.gap.reason === 'malformed';
      return decoded.value.every((event) => event.type !== 'fork' || Number.isInteger(event.pid + event.parent));
    }),
    parameters,
  );
});

const pid = fc.integer({ min: 1, max: 6 });
const inode = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  fc.record({ type: fc.constant('look' as const), pid, inode }),
  fc.record({ type: fc.constant('fork' as const), pid, child: pid }),
  fc.record({ type: fc.constant('exit' as const), pid }),
  fc.record({ type: fc.constant('settle' as const) }),
);

it('what appeared and is not gone is what is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const known = new KnownNamespaces(() => undefined);
      /** The machine: where each process is. */
      const places = new Map<number, number>();
      const alive = new Map<string, number>();
      const note = (changes: ReturnType<KnownNamespaces['settle']>): void => {
        for (const { type, namespace } of changes) {
          const key = String(namespace.inode);
          alive.set(key, (alive.get(key) ?? 0) + (type === 'appeared' ? 1 : type === 'gone' ? -1 : 0));
          expect([0, 1]).toContain(alive.get(key));
        }
      };
      for (const one of steps) {
        if (one.type === 'look') {
          places.set(one.pid, one.inode);
          const id: NamespaceId = { kind: 'net', inode: BigInt(one.inode) };
          note(known.lookedAt(one.pid, new Map([[`net:[${one.inode}]`, id]]), 0));
        } else if (one.type === 'fork') {
          const at = places.get(one.pid);
          // A number is given again when its process has ended.
          if (at === undefined || places.has(one.child)) continue;
          places.set(one.child, at);
          known.forked(one.pid, one.child);
        } else if (one.type === 'exit') {
          places.delete(one.pid);
          known.ended(one.pid);
        } else note(known.settle(new Map()));
      }
      note(known.settle(new Map()));
      const there = [...alive].filter(([, count]) => count === 1).map(([key]) => key);
      expect(there.toSorted()).toEqual([...new Set([...places.values()].map(String))].toSorted());
      const sights = new Map<string, Sight>();
      for (const [process, at] of places) {
        const text = `net:[${at}]`;
        const pids = [...(sights.get(text)?.pids ?? []), process];
        sights.set(text, { kind: 'net', inode: BigInt(at), pids, mounts: [] });
      }
      expect(known.lookedAtAll(sights, 1)).toEqual([]);
    }),
    parameters,
  );
});
