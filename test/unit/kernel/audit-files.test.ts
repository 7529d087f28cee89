// Files that the audit reads: /proc/net/unix, /etc/group, the tracer in a status file.

import { describe, expect, it } from 'vitest';
import { parseGroups } from '../../../src/kernel/text/group.ts';
import { parseTracer } from '../../../src/kernel/text/tracer.ts';
import { parseListeningNames } from '../../../src/kernel/text/unix-sockets.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('/proc/net/unix', () => {
  const head = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
  // Verbatim, from Linux 6.18.
  const connected = '0000000072c996c4: 00000003 00000000 00000000 0001 03 40619164\n';
  const client = '000000006030b20b: 00000003 00000000 00000000 0001 03 40470185 /run/containerd/containerd.sock\n';
  const server = '000000005b09c7be: 00000002 00000000 00010000 0001 01 40470104 /run/containerd/containerd.sock\n';

  it('tells the names that are listened on', () => {
    const abstract = '000000005b09c7be: 00000002 00000000 00010000 0001 01 40470104 @/tmp/.X11-unix/X0\n';
    const spaced = '000000005b09c7be: 00000002 00000000 00010000 0001 01  7 /run/a b\n';
    const names = ['/run/containerd/containerd.sock', '@/tmp/.X11-unix/X0', '/run/a b'];
    expect(parseListeningNames(bytes(head + connected + client + server + abstract + spaced))).toEqual(names);
    expect(parseListeningNames(bytes(''))).toEqual([]);
  });

  it('takes nothing of a name with a newline for a line, unless it is one to the last byte', () => {
    const odd = '000000005b09c7be: 00000002 00000000 00010000 0001 01 8 /run/x\n00010000 /run/docker.sock\n';
    expect(parseListeningNames(bytes(head + odd + server))).toEqual(['/run/x', '/run/containerd/containerd.sock']);
  });
});

it('/etc/group: the first line of a name wins, junk names nothing', () => {
  const text = 'root:x:0:\ndisk:x:6:a,b\ndisk:x:7:\n+::\njunk\n:x:9:\nbad:x:-1:\n';
  expect([...parseGroups(bytes(text))]).toEqual([
    ['root', 0],
    ['disk', 6],
  ]);
});

describe('the tracer', () => {
  it.each([
    ['Name:\tsh\nPid:\t5\nTracerPid:\t0\nUid:\t0\n', 0],
    ['Name:\tsh\nTracerPid:\t4913\n', 4913],
    // A newline in a name is escaped by the kernel.
    ['Name:\tx\\nTracerPid:\t7\nTracerPid:\t0\n', 0],
  ])('%j', (text, pid) => expect(parseTracer(bytes(text), 'status')).toEqual({ ok: true, value: pid }));

  it.each(['', 'TracerPid:\t-1\n', 'Name:\tsh\n'])('is none: %j', (text) => {
    expect(parseTracer(bytes(text), 'status')).toMatchObject({
      ok: false,
      gap: { reason: 'malformed', what: 'status' },
    });
  });
});
