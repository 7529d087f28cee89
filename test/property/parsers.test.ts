// Every parser is total: any bytes give a value or a parse error that names the file. FC_SECONDS goes long.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedHost } from '../../src/host/recorded/recorded-host.ts';
import { decodeAttributes, decodeMessages } from '../../src/kernel/netlink/message.ts';
import { decodeNsidReply } from '../../src/kernel/netlink/nsid.ts';
import { parseDeviceOperations } from '../../src/kernel/text/blkio.ts';
import { parseCgroupCounts } from '../../src/kernel/text/cgroup-counts.ts';
import { parseBound } from '../../src/kernel/text/cgroup-bound.ts';
import { parseCpuMax } from '../../src/kernel/text/cpu-max.ts';
import { parseDeviceRules } from '../../src/kernel/text/device-rules.ts';
import { parseFlatKeyed } from '../../src/kernel/text/flat-keyed.ts';
import { parseIdList } from '../../src/kernel/text/id-list.ts';
import { parseKeyedBounds } from '../../src/kernel/text/keyed-bounds.ts';
import { parseNestedKeyed } from '../../src/kernel/text/nested-keyed.ts';
import { parseNetDev } from '../../src/kernel/text/net-dev.ts';
import { parsePressure } from '../../src/kernel/text/pressure.ts';
import { parseProcessIo } from '../../src/kernel/text/process-io.ts';
import { parseCniReservation } from '../../src/kernel/text/cni-reservation.ts';
import { parseCmdline } from '../../src/kernel/text/cmdline.ts';
import { parseGroups } from '../../src/kernel/text/group.ts';
import { parseIdMap } from '../../src/kernel/text/id-map.ts';
import { parseBootTime } from '../../src/kernel/text/kernel-stat.ts';
import { parseCgroupLog } from '../../src/kernel/text/kernel-log.ts';
import { parseLastCapability } from '../../src/kernel/text/last-capability.ts';
import { parseLimit } from '../../src/kernel/text/limits.ts';
import { parseMountinfo, unescapeOctal } from '../../src/kernel/text/mountinfo.ts';
import { formatNamespaceLink, parseNamespaceLink } from '../../src/kernel/text/namespace-link.ts';
import { namespaceKinds } from '../../src/kernel/abi/namespace-kinds.ts';
import { parseQueueState } from '../../src/kernel/text/mqueue.ts';
import { parsePasswd, parsePasswdShells } from '../../src/kernel/text/passwd.ts';
import { parseResolvConf } from '../../src/kernel/text/resolv-conf.ts';
import { parseRawSockets } from '../../src/kernel/text/raw-sockets.ts';
import { parseSchedstat } from '../../src/kernel/text/schedstat.ts';
import { parseResctrlMembership, parseSchemata } from '../../src/kernel/text/schemata.ts';
import { parseScriptLine } from '../../src/kernel/text/script-line.ts';
import { parseSocketsUsed } from '../../src/kernel/text/sockstat.ts';
import { parseStat } from '../../src/kernel/text/stat.ts';
import { capabilityLines, holdsCapabilities, parseCapabilityLines } from '../../src/kernel/text/status-lines.ts';
import { parseStatus } from '../../src/kernel/text/status.ts';
import { parseSysvObjects } from '../../src/kernel/text/sysvipc.ts';
import { decodeText } from '../../src/kernel/text/text.ts';
import { parseTracer } from '../../src/kernel/text/tracer.ts';
import { parseListeningNames } from '../../src/kernel/text/unix-sockets.ts';
import { parseUptime } from '../../src/kernel/text/uptime.ts';
import type { Reading } from '../../src/kernel/host.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 1000, seed: 20_260_701 };

/** Valid files, so that mutations reach beyond the first check. */
const samples: Readonly<Record<string, string>> = {
  stat: '42 (sleep) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 1234 0 0\n',
  status: 'Name:\tsh\nTgid:\t4\nPid:\t4\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t4\t1\nThreads:\t1\n',
  mountinfo:
    '22 27 0:21 / /pr\\040oc rw,relatime shared:3 - proc proc rw\n30 27 0:4 net:[4026532177] /n rw - nsfs nsfs rw\n',
  map: '         0       1000          1\n         1     100000      65536\n',
  limits: 'Max open files            1024                 524288               files     \n',
  msg: '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n -559038737          0   640           0          0     0     0     0     0     0     0          0          0 1793000000\n',
  sem: '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n         1          0   644          3     0     0     0     0          0 1793000000\n',
  shm: '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n         1          0  1644                  4096   7     0      0     0     0     0     0          0          0 1793000000                     0                     0\n',
  mqueue: 'QSIZE:129        NOTIFY:2     SIGNO:0     NOTIFY_PID:8260  \n',
  raw: '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n    1: 0100007F:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 29588845 2 0000000000000000 0\n',
  unix: 'Num       RefCount Protocol Flags    Type St Inode Path\n000000005b09c7be: 00000002 00000000 00010000 0001 01 40470104 /run/x.sock\n',
  log: '6,1,20,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=t,pid=4,uid=0\n3,2,21,-;Memory cgroup out of memory: Killed process 4 (t) total-vm:8kB, anon-rss:4kB, file-rss:5kB, shmem-rss:0kB\n',
  passwd: 'root:x:0:0:root:/root:/bin/bash\n',
  netlink: '\x1c\0\0\0\x58\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x08\0\x01\0\x07\0\0\0',
  archive:
    '{"nstool_recording":1,"self":{"pid":1,"uid":0}}\n{"q":"file /a","text":"x"}\n{"q":"stat /","status":{"dev":"1"}}\n',
};

/** A sample with pieces replaced, removed, doubled; or anything. */
function hostile(sample: string): fc.Arbitrary<Uint8Array> {
  const original = Uint8Array.from(Buffer.from(sample, 'latin1'));
  const edit = fc.record({
    at: fc.nat(original.length),
    remove: fc.nat(8),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc
        .constantFrom('\n', '(', ')', ' ', '\0', ':\t', '99999999999999999999', '-1')
        .map((text) => new TextEncoder().encode(text)),
    ),
  });
  const mutated = fc
    .array(edit, { minLength: 1, maxLength: 6 })
    .map((edits) =>
      edits.reduce<Uint8Array>(
        (bytes, { at, remove, insert }) =>
          Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + remove)]),
        original,
      ),
    );
  return fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated, mutated);
}

function total(name: string, sample: string, parse: (bytes: Uint8Array) => Reading<unknown>): void {
  it(`${name}: any bytes are a value or a parse error`, { timeout: seconds * 1000 + 60_000 }, () => {
    fc.assert(
      fc.property(hostile(sample), (bytes) => {
        const read = parse(bytes);
        if (read.ok) return;
        expect(read.gap.reason).toBe('malformed');
        expect(read.gap.what).toBe('FILE');
        expect((read.gap.text ?? '').length).toBeLessThanOrEqual(200);
      }),
      parameters,
    );
  });
}

const sample = (name: string): string => samples[name] ?? '';

describe('parsers', () => {
  total('stat', sample('stat'), (bytes) => parseStat(bytes, 'FILE'));
  total('status', sample('status'), (bytes) => parseStatus(bytes, 'FILE'));
  total('capabilities of status', sample('status'), (bytes) => {
    const text = decodeText(bytes);
    holdsCapabilities(text);
    return parseCapabilityLines(capabilityLines(text), 'FILE');
  });
  total('last capability', '40\n', (bytes) => parseLastCapability(bytes, 'FILE'));
  total('mountinfo', sample('mountinfo'), (bytes) => parseMountinfo(bytes, 'FILE'));
  total('uid_map', sample('map'), (bytes) => parseIdMap(bytes, 'FILE'));
  total('boot time', 'cpu 1 2\nbtime 1790000000\n', (bytes) => parseBootTime(bytes, 'FILE'));
  total('raw sockets', samples['raw'] ?? '', (bytes) => parseRawSockets(bytes, 'FILE'));
  total('sockstat', 'sockets: used 163\nTCP: inuse 4\n', (bytes) => parseSocketsUsed(bytes, 'FILE'));
  total('sysvipc/msg', sample('msg'), (bytes) => parseSysvObjects(bytes, 'FILE', 'msg'));
  total('sysvipc/sem', sample('sem'), (bytes) => parseSysvObjects(bytes, 'FILE', 'sem'));
  total('sysvipc/shm', sample('shm'), (bytes) => parseSysvObjects(bytes, 'FILE', 'shm'));
  total('message queues', sample('mqueue'), (bytes) => parseQueueState(bytes, 'FILE'));
  total('limits', sample('limits'), (bytes) => parseLimit(bytes, 'FILE', 'Max open files'));
  total('netlink messages', sample('netlink'), (bytes) => decodeMessages(bytes, 'FILE'));
  total('netlink attributes', sample('netlink').slice(20), (bytes) => decodeAttributes(bytes, 'FILE'));
  total('nsid replies', sample('netlink'), (bytes) => decodeNsidReply([bytes], 'FILE'));
  total('recorded hosts', sample('archive'), (bytes) => recordedHost(Buffer.from(bytes).toString('utf8'), 'FILE'));
  total('cmdline', 'a\0b\0', (bytes) => ({ ok: true, value: parseCmdline(bytes) }));
  total('passwd', sample('passwd'), (bytes) => ({ ok: true, value: [parsePasswd(bytes), parsePasswdShells(bytes)] }));
  total('group', 'disk:x:6:a,b\n', (bytes) => ({ ok: true, value: parseGroups(bytes) }));
  total('unix sockets', sample('unix'), (bytes) => ({ ok: true, value: parseListeningNames(bytes) }));
  total('limit of a cgroup', '9223372036854771712\n', (bytes) => parseBound(bytes, 'FILE'));
  total('cpu.max', 'max 100000\n', (bytes) => parseCpuMax(bytes, 'FILE'));
  total('numbers of cgroups', '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t2003\t1\n', (bytes) =>
    parseCgroupCounts(bytes, 'FILE'),
  );
  total('flat keyed', 'anon 4096\nfile 0\n', (bytes) => parseFlatKeyed(bytes, 'FILE'));
  total('nested keyed', '8:0 rbps=max wiops=120\n', (bytes) => parseNestedKeyed(bytes, 'FILE'));
  total('a bound a line', 'drm/0000:03:00.0/vram0 max\nsev 4\n', (bytes) => parseKeyedBounds(bytes, 'FILE'));
  total('schemata', '  MB:0=100;1= 50\nL3CODE:0=fffff;1=3c0\n', (bytes) => parseSchemata(bytes, 'FILE'));
  total('cpu_resctrl_groups', 'res:batch\nmon:web\n', (bytes) => parseResctrlMembership(bytes, 'FILE'));
  total('pressure', 'some avg10=0.22 avg60=0.38 avg300=0.33 total=162\n', (bytes) => parsePressure(bytes, 'FILE'));
  total('net/dev', `head\nhead\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n`, (bytes) =>
    parseNetDev(bytes, 'FILE'),
  );
  total('io of a process', 'rchar: 1\nread_bytes: 2\nwrite_bytes: 3\n', (bytes) => parseProcessIo(bytes, 'FILE'));
  total('list of processors', '0-3,8\n', (bytes) => parseIdList(bytes, 'FILE'));
  total('devices.list', 'a *:* rwm\nc 1:3 r\n', (bytes) => parseDeviceRules(bytes, 'FILE'));
  total('blkio', '8:0 Read 4096\nTotal 4096\n', (bytes) => parseDeviceOperations(bytes, 'FILE'));
  total('schedstat', '208180805 721245307 16\n', (bytes) => parseSchedstat(bytes, 'FILE'));
  total('uptime', '34986.04 19561.71\n', (bytes) => parseUptime(bytes, 'FILE'));
  total("the kernel's log", sample('log'), (bytes) => {
    const { kills, refusals } = parseCgroupLog(decodeText(bytes).split('\n'));
    expect(kills.every(({ pid }) => Number.isSafeInteger(pid))).toBe(true);
    return { ok: true, value: [kills, refusals] };
  });
  total('tracer', 'Name:\tsh\nTracerPid:\t4913\n', (bytes) => parseTracer(bytes, 'FILE'));
  total('resolv.conf', 'nameserver 192.0.2.1\nsearch a b\n', (bytes) => ({ ok: true, value: parseResolvConf(bytes) }));
  total('a reservation of CNI', `${'5e'.repeat(32)}\r\neth0`, (bytes) => parseCniReservation(bytes, 'FILE'));
  total('script lines', '#! /bin/sh -e\n', (bytes) => ({ ok: true, value: parseScriptLine(bytes) ?? null }));
  total('namespace links', 'net:[4026532177]', (bytes) =>
    parseNamespaceLink(Buffer.from(bytes).toString('utf8'), 'FILE'),
  );
});

describe('what the kernel writes is read back', () => {
  /** As /dev/kmsg writes it. */
  const escaped = (text: string): string =>
    [...new TextEncoder().encode(text)]
      .map((byte) =>
        byte < 0x20 || byte >= 0x7f || byte === 0x5c
          ? `\\x${byte.toString(16).padStart(2, '0')}`
          : String.fromCharCode(byte),
      )
      .join('');
  /** Names that would like to be something else. */
  const name = fc.oneof(
    fc
      .string({ unit: 'binary', minLength: 1, maxLength: 12 })
      .filter((text) => !/[\0\n/]/.test(text) && Buffer.from(text).toString() === text),
    fc.constantFrom(',task_memcg=', ',task=x', 'a,oom_memcg=', ',pid=1,uid=0', ',task_memcg='),
  );
  const comm = fc
    .oneof(name, fc.constantFrom(',task=t', 'x) total-vm:1kB', '\n', ',pid=1,uid=0'))
    .filter((text) => new TextEncoder().encode(text).length <= 15);

  it('a kill, whatever its cgroups and its program are called, or it is said that it can be read in two ways', () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.nat(3), comm, (names, depth, task) => {
        const pathOf = (count: number): string =>
          names
            .slice(0, count)
            .map((each) => `/${each}`)
            .join('') || '/';
        const [limit, victim] = [pathOf(Math.min(depth, names.length)), pathOf(names.length)];
        const line = `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=${limit},task_memcg=${victim},task=${task},pid=77,uid=5`;
        const [kill] = parseCgroupLog([`6,1,20,-;${escaped(line)}`]).kills;
        expect(kill?.pid).toBe(77);
        if (kill?.ambiguous !== true)
          expect(kill).toMatchObject({ limitOf: limit, victimIn: victim, comm: task, uid: 5 });
      }),
      parameters,
    );
  });

  it('mount points, whatever their characters', () => {
    const escape = (text: string): string =>
      text.replaceAll(/[ \t\n\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(unescapeOctal(escape(text))).toBe(text);
      }),
      parameters,
    );
  });

  it('links of namespaces', () => {
    const link = fc.record({
      kind: fc.constantFrom(...namespaceKinds.map((entry) => entry.kind)),
      inode: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    });
    fc.assert(
      fc.property(link, (id) => {
        expect(parseNamespaceLink(formatNamespaceLink(id), 'FILE')).toEqual({ ok: true, value: id });
      }),
      parameters,
    );
  });
});
