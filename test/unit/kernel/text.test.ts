import { describe, expect, it } from 'vitest';
import { parseCmdline, splitWords } from '../../../src/kernel/text/cmdline.ts';
import { isMapped, parseIdMap } from '../../../src/kernel/text/id-map.ts';
import { parseBootTime } from '../../../src/kernel/text/kernel-stat.ts';
import { parseLimit } from '../../../src/kernel/text/limits.ts';
import { parseMountinfo, unescapeOctal } from '../../../src/kernel/text/mountinfo.ts';
import { parseQueueState } from '../../../src/kernel/text/mqueue.ts';
import { parseNamespaceLink } from '../../../src/kernel/text/namespace-link.ts';
import { parsePasswd } from '../../../src/kernel/text/passwd.ts';
import { parseRawSockets } from '../../../src/kernel/text/raw-sockets.ts';
import { parseSocketsUsed } from '../../../src/kernel/text/sockstat.ts';
import { parseStat } from '../../../src/kernel/text/stat.ts';
import { parseStatus } from '../../../src/kernel/text/status.ts';
import { parseSysvObjects } from '../../../src/kernel/text/sysvipc.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A line of Linux 6.18, cut after the start time. */
const rest = { pid: 42, state: 'S', ppid: 1, userTicks: 250, systemTicks: 31, threads: 7, startTicks: 1234n };
const statTail = 'S 1 42 42 0 -1 4194560 1 0 0 0 250 31 0 0 20 0 7 0 1234 0 0';

describe('/proc/PID/stat', () => {
  it('reads the name up to the last parenthesis', () => {
    const read = parseStat(bytes(`42 (a) R 7 (b) ${statTail}\n`), 'stat');
    expect(read).toEqual({ ok: true, value: { ...rest, comm: 'a) R 7 (b' } });
  });

  it('reads a name that holds newlines and is empty', () => {
    expect(parseStat(bytes(`42 (a\nb) ${statTail}`), 'stat')).toMatchObject({
      ok: true,
      value: { comm: 'a\nb', ppid: 1 },
    });
    expect(parseStat(bytes(`42 () ${statTail}`), 'stat')).toMatchObject({ ok: true, value: { comm: '' } });
  });

  it.each(['', '42', '42 (a', '42 (a) ', 'x (a) S 1', `42 (a) SS ${statTail}`, '42 (a) S 1 2 3', `) 42 (a${statTail}`])(
    'names file, line and text of %j',
    (text) => {
      const read = parseStat(bytes(text), '/proc/42/stat');
      expect(read).toEqual({ ok: false, gap: { reason: 'malformed', what: '/proc/42/stat', line: 1, text } });
    },
  );
});

describe('/proc/PID/status', () => {
  const status = [
    'Name:\tbad\\nUid:\\\\ x',
    'Umask:\t0022',
    'State:\tS (sleeping)',
    'Tgid:\t42',
    'Pid:\t42',
    'PPid:\t1',
    'Uid:\t0\t1\t2\t4294967295',
    'Gid:\t0\t0\t0\t0',
    'NSpid:\t42\t1',
    'Groups:\t4 27 ',
    'Threads:\t3',
    'CapEff:\t0000001fffffffff',
    '',
  ].join('\n');

  it('reads ids, pids in nested namespaces, and a name whose newline is escaped', () => {
    expect(parseStatus(bytes(status), 'status')).toEqual({
      ok: true,
      value: {
        name: 'bad\nUid:\\ x',
        pid: 42,
        tgid: 42,
        ppid: 1,
        uids: [0, 1, 2, 4294967295],
        gids: [0, 0, 0, 0],
        groups: [4, 27],
        effectiveCapabilities: 0x1fffffffffn,
        namespacePids: [42, 1],
        threads: 3,
        residentKib: 0,
      },
    });
  });

  it('reads resident memory, which kernel threads and zombies have none of', () => {
    expect(parseStatus(bytes(`${status}VmRSS:\t    1280 kB\n`), 'status')).toMatchObject({
      ok: true,
      value: { residentKib: 1280 },
    });
    expect(parseStatus(bytes(`${status}VmRSS:\t1280 MB\n`), 'status')).toMatchObject({ ok: false, gap: { line: 13 } });
  });

  it('has no pids of namespaces before Linux 4.1', () => {
    const old = status.replace('NSpid:\t42\t1\n', '');
    expect(parseStatus(bytes(old), 'status')).toMatchObject({ ok: true, value: { namespacePids: [] } });
  });

  it('names the line that does not parse', () => {
    const broken = status.replace('Uid:\t0\t1\t2', 'Uid:\t0\tx\t2');
    expect(parseStatus(bytes(broken), 'status')).toEqual({
      ok: false,
      gap: { reason: 'malformed', what: 'status', line: 7, text: '0\tx\t2\t4294967295' },
    });
    expect(parseStatus(bytes('Name:\tx\n'), 'status')).toMatchObject({ ok: false, gap: { text: 'no line "Pid:"' } });
  });
});

describe('/proc/stat', () => {
  it('tells when the host was started', () => {
    expect(parseBootTime(bytes('cpu  1 2\nintr 5 0\nbtime 1790000000\nprocesses 7\n'), 'stat')).toEqual({
      ok: true,
      value: 1790000000,
    });
    expect(parseBootTime(bytes('cpu 1\nbtime x\n'), 'stat')).toMatchObject({ ok: false, gap: { line: 2 } });
    expect(parseBootTime(bytes(''), 'stat')).toMatchObject({ ok: false, gap: { text: 'no line "btime"' } });
  });
});

describe('/proc/PID/net/sockstat', () => {
  it('tells how many sockets there are', () => {
    const text = 'sockets: used 163\nTCP: inuse 4 orphan 0 tw 0 alloc 5 mem 1\nUDP: inuse 1 mem 0\n';
    expect(parseSocketsUsed(bytes(text), 'sockstat')).toEqual({ ok: true, value: 163 });
    for (const bad of ['', 'sockets: used\n', 'TCP: inuse 4\n', 'sockets: used -1\n']) {
      expect(parseSocketsUsed(bytes(bad), 'sockstat')).toMatchObject({ ok: false, gap: { what: 'sockstat', line: 1 } });
    }
  });
});

describe('/proc/PID/cmdline', () => {
  it('splits at NULs; the last one is optional, empty words stay', () => {
    expect(parseCmdline(bytes('a\0\0b c\0'))).toEqual(['a', '', 'b c']);
    expect(parseCmdline(bytes('a\0b'))).toEqual(['a', 'b']);
    expect(parseCmdline(bytes(''))).toEqual([]);
  });

  it('keeps bytes that are not UTF-8', () => {
    expect(splitWords(Uint8Array.of(0xff, 0, 0x41, 0))).toEqual([Uint8Array.of(0xff), Uint8Array.of(0x41)]);
  });
});

describe('/proc/PID/mountinfo', () => {
  it('reads optional fields, an nsfs root, octal escapes and an empty source', () => {
    const text = [
      '22 27 0:21 / /proc rw,relatime shared:3 master:1 - proc proc rw,hidepid=invisible',
      String.raw`30 27 0:4 net:[4026532177] /run/my\040ns\011a\012b\134040 rw - nsfs nsfs rw`,
      '31 27 0:9 / /x rw -  tmpfs  rw',
      '32 27 0:9 / /y rw - tmpfs  rw',
      '',
    ].join('\n');
    const good = text.replace('-  tmpfs  rw', '- tmpfs tmpfs rw');
    const read = parseMountinfo(bytes(good), 'mountinfo');
    expect(read.ok && read.value.map((mount) => [mount.mountPoint, mount.fsType, mount.source])).toEqual([
      ['/proc', 'proc', 'proc'],
      ['/run/my ns\ta\nb\\040', 'nsfs', 'nsfs'],
      ['/x', 'tmpfs', 'tmpfs'],
      ['/y', 'tmpfs', ''],
    ]);
    expect(read.ok && read.value[0]?.optionalFields).toEqual(['shared:3', 'master:1']);
    expect(read.ok && read.value[0]?.superOptions).toEqual(['rw', 'hidepid=invisible']);
    expect(read.ok && read.value[1]?.root).toBe('net:[4026532177]');
  });

  it('parses only the lines of the type asked for', () => {
    const text = 'rubbish\n30 27 0:4 net:[1] /n rw - nsfs nsfs rw\n';
    expect(parseMountinfo(bytes(text), 'mountinfo', 'nsfs')).toMatchObject({ ok: true, value: [{ id: 30 }] });
    expect(parseMountinfo(bytes(text), 'mountinfo')).toMatchObject({ ok: false, gap: { line: 1, text: 'rubbish' } });
  });

  it('decodes an escaped backslash once', () => {
    expect(unescapeOctal(String.raw`\134040`)).toBe(String.raw`\040`);
    expect(unescapeOctal(String.raw`\04\8\400`)).toBe(String.raw`\04\8\400`);
  });
});

describe('links of namespaces', () => {
  it('reads inodes of 64 bits', () => {
    expect(parseNamespaceLink('net:[18446744073709551615]', 'x')).toEqual({
      ok: true,
      value: { kind: 'net', inode: 18446744073709551615n },
    });
  });

  it.each([
    '',
    'net',
    'net:[]',
    'net:[-1]',
    'net:[18446744073709551616]',
    'foo:[1]',
    'net:[1]x',
    'mnt:[1]\n',
    'pid_for_children:[1]',
  ])('refuses %j', (text) =>
    expect(parseNamespaceLink(text, 'x')).toMatchObject({ ok: false, gap: { reason: 'malformed', text } }),
  );
});

describe('maps of ids', () => {
  it('reads ranges, and none', () => {
    const read = parseIdMap(bytes('         0       1000          1\n         1     100000      65536\n'), 'uid_map');
    expect(read).toEqual({
      ok: true,
      value: [
        { inside: 0, outside: 1000, count: 1 },
        { inside: 1, outside: 100000, count: 65536 },
      ],
    });
    expect(parseIdMap(bytes(''), 'uid_map')).toEqual({ ok: true, value: [] });
    expect(parseIdMap(bytes('0 0 4294967295\n'), 'uid_map').ok).toBe(true);
  });

  it.each(['0 0', '0 0 0', '0 0 1 1', 'a 0 1', '0 0 4294967297', '4294967295 0 2'])('refuses %j', (line) => {
    expect(parseIdMap(bytes(`0 0 1\n${line}\n`), 'uid_map')).toMatchObject({ ok: false, gap: { line: 2, text: line } });
  });

  it('tells whether an id is mapped', () => {
    const map = [{ inside: 10, outside: 0, count: 2 }];
    expect([9, 10, 11, 12].map((id) => isMapped(map, id))).toEqual([false, true, true, false]);
  });
});

describe('/proc/PID/limits', () => {
  const limits = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max cpu time              unlimited            unlimited            seconds   ',
    'Max open files            1024                 524288               files     ',
    '',
  ].join('\n');

  it('reads numbers and unlimited', () => {
    expect(parseLimit(bytes(limits), 'limits', 'Max open files')).toEqual({
      ok: true,
      value: { soft: 1024n, hard: 524288n },
    });
    expect(parseLimit(bytes(limits), 'limits', 'Max cpu time')).toEqual({
      ok: true,
      value: { soft: null, hard: null },
    });
  });

  it('refuses a limit that is not there', () => {
    expect(parseLimit(bytes(limits), 'limits', 'Max open')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
  });
});

describe('/etc/passwd', () => {
  it('takes the first name of a uid and passes over what is no line of it', () => {
    const names = parsePasswd(
      bytes('root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\n+::::::\nx:y\n:x:5:5:::\nnobody:x:65534:65534:::\n'),
    );
    expect([...names]).toEqual([
      [0, 'root'],
      [65534, 'nobody'],
    ]);
  });
});

describe('System V objects', () => {
  // Written by Linux 6.18; a key with the highest bit set is written with a sign.
  const msg =
    '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n' +
    '-559038737          3   640         129          2    91     0  1000  1001     0     0 1795343282          0 1795343281\n';
  const sem =
    '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n' +
    '         0          0   644          3     0     0     0     0          0 1795343281\n';
  const shm =
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n' +
    '         1          0  1644                  4096  7656     0      1     0     0     0     0          0          0 1795343281                     0                     0\n';

  it('have owner, creator and size', () => {
    expect(parseSysvObjects(bytes(msg), 'f', 'msg')).toEqual({
      ok: true,
      value: [
        {
          kind: 'msg',
          key: 0xdeadbeef,
          id: 3,
          mode: 0o640,
          uid: 1000,
          gid: 1001,
          creatorUid: 0,
          creatorGid: 0,
          creatorPid: null,
          bytes: 129n,
          count: 2,
          removed: false,
        },
      ],
    });
    expect(parseSysvObjects(bytes(sem), 'f', 'sem')).toMatchObject({ value: [{ key: 0, bytes: null, count: 3 }] });
    expect(parseSysvObjects(bytes(shm), 'f', 'shm')).toMatchObject({
      value: [{ mode: 0o644, creatorPid: 7656, bytes: 4096n, count: 1, removed: true }],
    });
  });

  it('may be none', () => {
    const [head = ''] = shm.split('\n');
    expect(parseSysvObjects(bytes(`${head}\n`), 'f', 'shm')).toEqual({ ok: true, value: [] });
  });

  it('of another file are refused', () => {
    expect(parseSysvObjects(bytes(msg), 'f', 'sem')).toMatchObject({ ok: false, gap: { what: 'f', line: 1 } });
    expect(parseSysvObjects(bytes(`${msg}x\n`), 'f', 'msg')).toMatchObject({ ok: false, gap: { line: 3, text: 'x' } });
  });
});

describe('a POSIX message queue', () => {
  it('tells how much waits, and who is told of it', () => {
    const line = (pid: number): Uint8Array => bytes(`QSIZE:129        NOTIFY:2     SIGNO:0     NOTIFY_PID:${pid}  \n`);
    expect(parseQueueState(line(8260), 'q')).toEqual({ ok: true, value: { bytes: 129, notifies: 8260 } });
    expect(parseQueueState(line(0), 'q')).toEqual({ ok: true, value: { bytes: 129, notifies: null } });
    expect(parseQueueState(bytes('QSIZE:x\n'), 'q')).toMatchObject({
      ok: false,
      gap: { what: 'q', text: 'QSIZE:x\n' },
    });
  });
});

describe('/proc/PID/net/raw', () => {
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops';
  const rest = '00000000:00000000 00:00000000 00000000';

  it('has address, protocol and inode', () => {
    const lines = [
      head,
      `   1: 0100007F:0001 00000000:0000 07 ${rest}     0        0 29952439 2 00000000c16f363c 0`,
      `  17: 0100007F:0011 0100007F:0000 01 ${rest}  1000        0 29952441 2 00000000027554ca 0`,
      `   0: B80D0120000000000000000001000000:003A ${'0'.repeat(32)}:0000 07 ${rest}     0        0 3 2 000000001dac461f 0`,
    ];
    expect(parseRawSockets(bytes(`${lines.join('\n')}\n`), 'raw')).toEqual({
      ok: true,
      value: [
        { address: '127.0.0.1', ipProtocol: 1, connected: false, uid: 0, inode: 29952439 },
        { address: '127.0.0.1', ipProtocol: 17, connected: true, uid: 1000, inode: 29952441 },
        { address: '2001:db8::1', ipProtocol: 58, connected: false, uid: 0, inode: 3 },
      ],
    });
    expect(parseRawSockets(bytes(`${head}\n`), 'raw')).toEqual({ ok: true, value: [] });
  });

  it('that is none names the line', () => {
    expect(parseRawSockets(bytes(`${head}\n   1: 0100007F\n`), 'raw')).toMatchObject({ ok: false, gap: { line: 2 } });
  });
});
