// A watch on a machine made of answers: what it looks at, what it says, what it counts.

import { describe, expect, it } from 'vitest';
import type { Host } from '../../../src/kernel/host.ts';
import { NamespaceWatch, type WatchEvent } from '../../../src/namespaces/watch/namespace-watch.ts';
import { hostOf } from '../../support/recorded.ts';

/** A machine on which these processes are in these network namespaces. */
function machine(processes: Readonly<Record<number, number>>, mounts = ''): Host {
  const answers: Record<string, object> = {
    'directory /proc': { names: Object.keys(processes) },
    'link /proc/self/ns/mnt': { text: 'mnt:[1]' },
    'file /proc/self/mountinfo': { text: mounts },
    'file /etc/passwd': { text: 'web:x:33:33::/:/bin/sh\n' },
  };
  for (const [pid, inode] of Object.entries(processes)) {
    answers[`link /proc/${pid}/ns/mnt`] = { text: 'mnt:[1]' };
    answers[`link /proc/${pid}/ns/net`] = { text: `net:[${inode}]` };
    answers[`file /proc/${pid}/cmdline`] = { text: `program\0${pid}\0` };
    answers[`stat /proc/${pid}`] = { status: { dev: '1', ino: '1', mode: '1', uid: '33', gid: '33' } };
  }
  return hostOf(answers);
}

/** The same host, on which what is asked is answered by the present machine. */
function changing(first: Host): { readonly host: Host; become: (next: Host) => void } {
  let now = first;
  const missing = { ok: false, gap: { reason: 'gone', what: 'x', errno: 'ENOENT' } } as const;
  const host: Host = {
    ...first,
    readFile: (path) => now.readFile(path),
    readDirectory: (path) => now.readDirectory(path),
    stat: (path) => now.stat(path),
    readLink: (path) => {
      const link = now.readLink(path);
      // What no machine here was given is not there.
      return !link.ok && link.gap.reason === 'unrecorded' ? missing : link;
    },
  };
  return {
    host,
    become: (next) => {
      now = next;
    },
  };
}

const watchOf = (host: Host): NamespaceWatch =>
  new NamespaceWatch(host, new Set(['net']), new Set(['command', 'user']));

const short = (events: readonly WatchEvent[]): readonly string[] =>
  events.map(({ type, row }) => `${type} ${row.ns} ${row.user ?? '-'} ${row.command ?? '-'}`);

describe('a watch', () => {
  it('begins with what is there, and shows kinds that were asked for only', () => {
    const { host } = changing(machine({ 7: 1, 8: 2 }));
    expect(short(watchOf(host).begin(0).events)).toEqual(['appeared 1 web program 7', 'appeared 2 web program 8']);
  });

  it('looks at those that something happened to', () => {
    const { host, become } = changing(machine({ 7: 1 }));
    const watch = watchOf(host);
    watch.begin(0);
    become(machine({ 7: 1, 9: 5 }));
    expect(short(watch.hear([{ type: 'fork', parent: 7, pid: 9 }], 1))).toEqual(['appeared 5 web program 9']);
    become(machine({ 7: 1 }));
    const events = watch.hear([{ type: 'exit', pid: 9 }], 2);
    expect(short(events)).toEqual(['gone 5 web program 9']);
    expect(watch.unseen).toBe(0);
  });

  it('counts those that have ended before it could look', () => {
    const { host } = changing(machine({ 7: 1 }));
    const watch = watchOf(host);
    watch.begin(0);
    watch.hear(
      [
        { type: 'fork', parent: 7, pid: 9 },
        { type: 'change', pid: 9 },
        { type: 'exit', pid: 9 },
        { type: 'fork', parent: 7, pid: 10 },
      ],
      1,
    );
    expect(watch.unseen).toBe(2);
  });

  it('sees names come and go when their makers end', () => {
    const { host, become } = changing(machine({ 7: 1 }));
    const watch = watchOf(host);
    watch.begin(0);
    become(machine({ 7: 1 }, '30 20 0:4 net:[5] /run/netns/blue rw shared:1 - nsfs nsfs rw\n'));
    const appeared = watch.hear([{ type: 'exit', pid: 99 }], 1);
    expect(appeared).toMatchObject([{ type: 'appeared', row: { ns: 5n, nsfs: ['/run/netns/blue'], pid: null } }]);
    become(machine({ 7: 1 }));
    expect(watch.hear([{ type: 'exit', pid: 98 }], 2)).toMatchObject([{ type: 'gone', row: { ns: 5n } }]);
  });

  it('finds by a look at everything what nobody told', () => {
    const { host, become } = changing(machine({ 7: 1, 8: 2 }));
    const watch = watchOf(host);
    watch.begin(0);
    become(machine({ 7: 1, 12: 3 }));
    expect(short(watch.look(5))).toEqual(['gone 2 web program 8', 'appeared 3 web program 12']);
    expect(watch.look(6)).toEqual([]);
  });

  it('looks again before it says that something is gone', () => {
    const { host, become } = changing(machine({ 7: 1, 8: 2 }));
    let lists = 0;
    const watch = watchOf({
      ...host,
      readDirectory: (path) => {
        lists += 1;
        // A child that 8 made behind the second list, and ended.
        if (lists === 3) become(machine({ 7: 1, 9: 2 }));
        return host.readDirectory(path);
      },
    });
    watch.begin(0);
    become(machine({ 7: 1 }));
    // Not gone; and as this kernel has no ids, no more than that is certain.
    expect(watch.look(1)).toMatchObject([{ type: 'unsure', row: { ns: 2n } }]);
    expect(lists).toBe(3);
  });

  it('counts those that are closed to it', () => {
    const { host } = changing(machine({ 7: 1 }));
    const closed: Host = {
      ...host,
      readLink: (path) =>
        path.startsWith('/proc/9/')
          ? { ok: false, gap: { reason: 'denied', what: path, errno: 'EACCES' } }
          : host.readLink(path),
    };
    const watch = watchOf(closed);
    watch.begin(0);
    expect(watch.hear([{ type: 'change', pid: 9 }], 1)).toEqual([]);
    expect(watch.gaps.list()).toMatchObject([{ subject: 'process', reason: 'denied', count: 1 }]);
    expect(watch.unseen).toBe(0);
  });
});
