// What changes between two looks, as data: numbers used again, forks, mounts that stay.

import { describe, expect, it } from 'vitest';
import type { NamespaceId } from '../../../src/kernel/text/namespace-link.ts';
import { KnownNamespaces, type NamespaceChange, type Sight } from '../../../src/namespaces/watch/known-namespaces.ts';

const net = (inode: number, pids: readonly number[], mounts: readonly string[] = []): [string, Sight] => [
  `net:[${inode}]`,
  { kind: 'net', inode: BigInt(inode), pids, mounts },
];

const links = (...inodes: readonly number[]): ReadonlyMap<string, NamespaceId> =>
  new Map(inodes.map((inode) => [`net:[${inode}]`, { kind: 'net' as const, inode: BigInt(inode) }]));

const short = (changes: readonly NamespaceChange[]): readonly string[] =>
  changes.map((change) => {
    const reused = change.type === 'appeared' && change.reused ? ' reused' : '';
    return `${change.type} ${change.namespace.inode}${reused}`;
  });

const withoutIds = (): KnownNamespaces => new KnownNamespaces(() => undefined);

/** Ids by the lowest process: those of one namespace have the same. */
const withIds = (ids: Readonly<Record<number, bigint>>): KnownNamespaces =>
  new KnownNamespaces(({ pids }) => ids[pids[0] ?? 0]);

describe('two looks at everything', () => {
  it('differ by what appeared and what is gone, with the times', () => {
    const known = withoutIds();
    expect(short(known.lookedAtAll(new Map([net(1, [10]), net(2, [20])]), 100))).toEqual(['appeared 1', 'appeared 2']);
    const changes = known.lookedAtAll(new Map([net(1, [10]), net(3, [30])]), 250);
    expect(changes).toMatchObject([
      { type: 'gone', namespace: { inode: 2n, since: 100, fromStart: true } },
      { type: 'appeared', reused: false, namespace: { inode: 3n, since: 250, fromStart: false } },
    ]);
    expect(known.lookedAtAll(new Map([net(1, [10]), net(3, [30])]), 300)).toEqual([]);
  });

  it('notice by its id that a number was used again', () => {
    const known = withIds({ 10: 7n, 11: 8n, 12: 8n });
    known.lookedAtAll(new Map([net(1, [10])]), 0);
    expect(short(known.lookedAtAll(new Map([net(1, [11])]), 1))).toEqual(['gone 1', 'appeared 1 reused']);
    // Another process of the same namespace.
    expect(short(known.lookedAtAll(new Map([net(1, [12])]), 2))).toEqual([]);
  });

  it('are not sure without ids when nobody stayed, and are when somebody or the mount did', () => {
    const known = withoutIds();
    known.lookedAtAll(new Map([net(1, [10, 11], ['/run/netns/a'])]), 0);
    expect(short(known.lookedAtAll(new Map([net(1, [11, 12])]), 1))).toEqual([]);
    expect(short(known.lookedAtAll(new Map([net(1, [13], ['/run/netns/a'])]), 2))).toEqual(['unsure 1']);
    expect(short(known.lookedAtAll(new Map([net(1, [14], ['/run/netns/a'])]), 3))).toEqual([]);
  });

  it('know a name that was given to another namespace of the same number', () => {
    const ids = [5n, 6n];
    const known = new KnownNamespaces(() => ids.shift());
    known.lookedAtAll(new Map([net(1, [], ['/run/netns/a'])]), 0);
    const changes = known.lookedAtAll(new Map([net(1, [], ['/run/netns/a'])]), 1);
    expect(short(changes)).toEqual(['gone 1', 'appeared 1 reused']);
  });
});

describe('what is told of processes', () => {
  it('shows a namespace when a process is found in it, and its end when the last one has left', () => {
    const known = withoutIds();
    known.lookedAtAll(new Map([net(1, [10])]), 0);
    expect(short(known.lookedAt(20, links(2), 5))).toEqual(['appeared 2']);
    known.forked(20, 21);
    known.ended(20);
    expect(known.hasEmptied).toBe(false);
    known.ended(21);
    expect(known.hasEmptied).toBe(true);
    expect(short(known.settle(new Map()))).toEqual(['gone 2']);
    expect(known.hasEmptied).toBe(false);
  });

  it('keeps what is mounted somewhere, until it is not', () => {
    const known = withoutIds();
    known.lookedAtAll(new Map([net(1, [10])]), 0);
    known.lookedAt(20, links(2), 5);
    known.ended(20);
    expect(short(known.settle(new Map([net(2, [], ['/run/netns/b'])])))).toEqual([]);
    expect(short(known.lookedAtMounts(new Map([net(2, [], ['/run/netns/b']), net(3, [], ['/x'])]), 6))).toEqual([
      'appeared 3',
    ]);
    expect(known.hasEmptied).toBe(false);
    known.lookedAtMounts(new Map([net(3, [], ['/x'])]), 7);
    expect(short(known.settle(new Map()))).toEqual(['gone 2']);
  });

  it('tells a number used again at once, without ids too', () => {
    for (const known of [withoutIds(), withIds({ 20: 1n, 30: 2n })]) {
      known.lookedAt(20, links(2), 5);
      known.ended(20);
      expect(short(known.lookedAt(30, links(2), 6))).toEqual(['gone 2', 'appeared 2 reused']);
      expect(short(known.settle(new Map()))).toEqual([]);
    }
  });

  it('knows by its id a namespace that was entered again', () => {
    const known = withIds({ 20: 1n, 30: 1n });
    known.lookedAt(20, links(2), 5);
    known.ended(20);
    expect(short(known.lookedAt(30, links(2), 6))).toEqual([]);
    expect(known.hasEmptied).toBe(false);
  });

  it('follows a process that goes elsewhere', () => {
    const known = withoutIds();
    known.lookedAt(20, links(2), 5);
    expect(short(known.lookedAt(20, links(3), 6))).toEqual(['appeared 3']);
    expect(short(known.settle(new Map()))).toEqual(['gone 2']);
  });

  it('takes the end of processes that nobody knew', () => {
    const known = withoutIds();
    known.forked(1, 2);
    known.ended(2);
    expect(known.hasEmptied).toBe(false);
  });
});
