// What a recording keeps, and what is refused as one.

import { describe, expect, it } from 'vitest';
import { formatArchive } from '../../../src/host/recorded/archive.ts';
import { recordedHost } from '../../../src/host/recorded/recorded-host.ts';
import { recording } from '../../../src/host/recorded/recorder.ts';
import { sharedDoors } from '../../../src/host/recorded/shared-doors.ts';
import { doorText } from '../../../src/kernel/door.ts';
import { gap, value, type Host } from '../../../src/kernel/host.ts';
import { encodeLinkDump } from '../../../src/kernel/netlink/links.ts';
import { hostOf } from '../../support/recorded.ts';

const header = {
  nstool_recording: 1,
  date: '',
  kernel: '',
  distribution: '',
  made_by: '',
  anonymised: false,
  self: { pid: 7, uid: 0 },
} as const;
const LONG = 'x'.repeat(200);

/** A host of which each answer is another one: its answers are numbered. */
function changing(answers: Partial<Host> = {}): { readonly host: Host; readonly asked: string[] } {
  const asked: string[] = [];
  const note = (question: string): number => asked.push(question);
  const host: Host = {
    ...hostOf({}),
    readFile: (path) => value(new TextEncoder().encode(`${note(`file ${path}`)}`)),
    readLink: (path) => value(`net:[${path.startsWith('/proc/9') ? 2 : 1}]`),
    askNamespace: (door) => value(BigInt(note(`namespace ${doorText(door)}`))),
    netlink: ({ namespace }) => value([Uint8Array.of(note(`netlink ${doorText(namespace ?? '')}`))]),
    ...answers,
  };
  return { host, asked };
}

describe('a recorder', () => {
  it('asks once, and answers the same again, as the archive will', () => {
    const { host, asked } = changing();
    const recorder = recording(host);
    const first = recorder.host.readFile('/a');
    expect(recorder.host.readFile('/a')).toEqual(first);
    expect(asked).toEqual(['file /a']);
    const replayed = recordedHost(formatArchive(header, recorder.entries()), 'test');
    expect(replayed.ok && replayed.value.readFile('/a')).toEqual(first);
  });

  it('tells a file from a link of the same text', () => {
    const { host } = changing({
      readFile: () => value(new TextEncoder().encode(LONG)),
      readLink: () => value(LONG),
    });
    const recorder = recording(host);
    expect(recorder.host.readFile('/a')).toEqual(value(new TextEncoder().encode(LONG)));
    expect(recorder.host.readLink('/a')).toEqual(value(LONG));
    expect(recorder.host.readFile('/b')).toEqual(value(new TextEncoder().encode(LONG)));
  });
});

describe('a namespace behind many doors', () => {
  it('is asked once, through the first of them', () => {
    const { host, asked } = changing();
    const shared = sharedDoors(host);
    const doors = ['/proc/5/ns/net', '/proc/6/ns/net', '/proc/9/ns/net'];
    const numbers = doors.map((door) => shared.askNamespace(door, ['NS_GET_USERNS']));
    expect(numbers).toEqual([value(1n), value(1n), value(2n)]);
    const dumps = doors.map((door) => shared.netlink(encodeLinkDump(door)));
    expect(dumps[0]).toEqual(dumps[1]);
    expect(asked).toEqual([
      'namespace /proc/5/ns/net',
      'namespace /proc/9/ns/net',
      'netlink /proc/5/ns/net',
      'netlink /proc/9/ns/net',
    ]);
  });

  it('is asked through the next one where the first has ended', () => {
    const { host } = changing({
      askNamespace: (door) =>
        door === '/proc/5/ns/net' ? gap({ reason: 'gone', what: door, errno: 'ENOENT' }) : value(1n),
    });
    const shared = sharedDoors(host);
    const answers = ['/proc/5/ns/net', '/proc/6/ns/net'].map((door) => shared.askNamespace(door, []).ok);
    expect(answers).toEqual([false, true]);
  });

  it('is asked by itself where it is no file of a process, or its link is closed', () => {
    const { host, asked } = changing({ readLink: (path) => gap({ reason: 'denied', what: path }) });
    const shared = sharedDoors(host);
    for (const door of ['/run/netns/a', '/proc/5/ns/net', '/proc/6/ns/net']) shared.askNamespace(door, []);
    expect(asked).toHaveLength(3);
  });
});

describe('a recorded host', () => {
  const entries = [1, 2, 3].map((number) => ({ question: `file /${number}`, answer: { text: LONG } }));
  const text = formatArchive(header, entries);

  function problem(of: string): string | undefined {
    const host = recordedHost(of, 'test');
    return host.ok ? undefined : `${host.gap.line ?? '-'}: ${host.gap.text ?? ''}`;
  }

  it('is read whole, or not at all', () => {
    expect(problem(text)).toBeUndefined();
    for (let end = 0; end < text.length - 1; end += 1) expect(problem(text.slice(0, end)), `${end}`).toBeDefined();
    expect(problem(text.split('\n').slice(0, 3).join('\n'))).toBe('-: it was cut: 2 of 3 answers are there');
  });

  it('is read without a count, as by hand', () => {
    expect(problem([JSON.stringify(header), JSON.stringify({ q: 'file /1', text: 'x' })].join('\n'))).toBeUndefined();
  });

  it('of another format is told from what is none', () => {
    expect(problem(JSON.stringify({ ...header, nstool_recording: 2 }))).toBe('-: its format is 2, this nstool reads 1');
    expect(problem('{"some":"json"}')).toBe('1: {"some":"json"}');
    expect(problem('')).toBe('-: it is empty, or no file');
    expect(problem(JSON.stringify({ ...header, self: { pid: 1.5, uid: 0 } }))).toMatch(/^1: /);
    expect(problem(JSON.stringify({ ...header, answers: 'many' }))).toMatch(/^1: /);
  });

  it('with nests and long lines is no trouble', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const lines = [JSON.stringify(header), `{"q":"file /deep","names":${deep}}`, `{"q":"file /long","x":"${LONG}"}`];
    const host = recordedHost(lines.join('\n'), 'test');
    // Some versions of V8 refuse to parse such a nest: then it is the line that is wrong.
    if (!host.ok) return expect(host.gap).toMatchObject({ reason: 'malformed', line: 2 });
    for (const path of ['/deep', '/long']) {
      expect(host.value.readFile(path)).toMatchObject({ gap: { reason: 'malformed' } });
    }
    expect(problem([JSON.stringify(header), 'y'.repeat(1_000_000)].join('\n'))?.length).toBeLessThan(300);
  });

  it('knows of what a listed folder lacks that it was not there', () => {
    const host = hostOf({
      'directory /proc': { names: ['1', '7'] },
      'directory /run/netns': { names: ['blue'] },
      'stat /proc/1': { status: { dev: '1', ino: '1', mode: '1', uid: '0', gid: '0' } },
    });
    const gone = { gap: { reason: 'gone', errno: 'ENOENT' } };
    expect(host.stat('/proc/8')).toMatchObject(gone);
    expect(host.readLink('/proc/8/ns/net')).toMatchObject(gone);
    expect(host.askNamespace('/run/netns/green', [])).toMatchObject(gone);
    const unrecorded = { gap: { reason: 'unrecorded' } };
    expect(host.readFile('/proc/7/stat')).toMatchObject(unrecorded);
    expect(host.readFile('/proc/loadavg')).toMatchObject(unrecorded);
    expect(host.askNamespace('/run/netns/blue', [])).toMatchObject(unrecorded);
    expect(host.readFile('/etc/passwd')).toMatchObject(unrecorded);
  });
});
