// `ls` beyond what lsns has: all columns beside the guest's own programs and files, filters, shapes, what nobody uses.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { linkOf } from '../support/entered.ts';
import { nstool, PLAIN_UID, run } from '../support/program.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';
import { answer } from './answers.ts';
import { since } from './facts.ts';
import { inode, sh } from './ls.ts';
import { withPin } from './pins.ts';
import { startScript } from './started.ts';
import { test } from './test.ts';

const KINDS = ['mnt', 'uts', 'ipc', 'net', 'pid', 'user', 'cgroup', 'time'] as const;
const fresh = ['-muinpCT', '-U', '-r', '--fork', '--kill-child', '--mount-proc'];

interface Row {
  readonly ns: number;
  readonly type: string;
  readonly nprocs: number;
  readonly pids: readonly number[];
  readonly [column: string]: unknown;
}

interface Listing {
  readonly namespaces: readonly Row[];
  readonly gaps: readonly { readonly subject: string; readonly reason: string; readonly count: number | null }[];
}

function numbers(rows: readonly Row[]): readonly number[] {
  return rows.map(({ ns }) => ns).toSorted((a, b) => a - b);
}

for (const [name, uid] of [
  ['root', 0],
  ['a plain user', PLAIN_UID],
] as const) {
  test(`ls --output-all: all columns of fresh namespaces, as ${name}`, async () => {
    const script = `hostname inside; ip link add v0 type veth peer name v1; exec sleep 3003`;
    const target = await startScript(`exec unshare ${fresh.join(' ')} sh -ec '${script}'`, 3003, uid);
    try {
      const words = ['ls', '--output-all', '-p', String(target.pid)];
      const { gaps, namespaces } = answer(words, { uid }) as Listing;
      const rows = new Map(namespaces.map((row) => [row.type, row]));
      deepEqual([...rows.keys()].toSorted(), KINDS.toSorted());
      const columns = nstool(['ls', '-H']).stdout.trim().split('\n').length;
      const owner = inode(target.pid, 'user');
      for (const [kind, row] of rows) {
        equal(Object.keys(row).filter((key) => key !== 'children').length, columns, Object.keys(row).join());
        equal(row.ns, inode(target.pid, kind));
        equal(row['ons'], kind === 'user' ? inode('self', 'user') : owner);
        equal(row['owner'], uid === 0 ? 'root' : 'nobody');
        const told = since(6, 18) || (kind === 'mnt' && since(6, 12));
        equal(row['id'] === null, !told, `id of ${kind}: ${String(row['id'])}`);
        // unshare waits in those that hold for children only from the next process on.
        ok(row.pids.includes(target.pid));
        equal(row['threads'], row.pids.length);
        match(String(row['created']), /^20\d\d-.*Z~?$/);
        ok(Number(row['rss']) > 100_000);
        ok((row['holders'] as string[]).some((holder) => /^process:\d/.test(holder)));
        equal(row['cgroup'], cgroupOf(target.pid));
      }
      const of = (kind: string, key: string): unknown => rows.get(kind)?.[key];
      if (uid === 0) {
        const links = run(['nsenter', `--net=/proc/${target.pid}/ns/net`, 'ip', '-j', 'link']).stdout;
        const names = (JSON.parse(links) as { ifname: string }[]).map(({ ifname }) => ifname);
        equal(names.length, 3);
        deepEqual([of('uts', 'hostname'), of('net', 'interfaces')], ['inside', names]);
      } else {
        // Only who is inside is told.
        deepEqual([of('uts', 'hostname'), of('net', 'interfaces')], [null, null]);
        ok(gaps.some(({ reason, count }) => reason === 'denied' && Number(count) > 0));
      }
      equal(of('net', 'sockets'), 0);
      deepEqual(of('user', 'maps'), [`uid:0:${uid}:1`, `gid:0:${uid}:1`]);
      equal(of('pid', 'pns'), inode('self', 'pid'));
      equal(of('user', 'pns'), inode('self', 'user'));
    } finally {
      await target.end();
    }
  });

  test(`ls --output-all of the whole host, and its shapes, as ${name}`, async () => {
    const target = await makeTarget(['-U', '-r', '-n', '-p', '--fork'], uid);
    try {
      const whole = answer(['ls', '--output-all'], { uid }) as Listing;
      ok(numbers(whole.namespaces).includes(inode(target.pid, 'net')));
      const flat = numbers((answer(['ls', '-o', 'NS'], { uid }) as Listing).namespaces);
      for (const shape of ['-T', '-T=owner', '-T=parent', '-T=process']) {
        const words = shape === '-T' ? ['-T'] : [`--tree${shape.slice(2)}`];
        const { status, stdout, stderr } = nstool(['ls', ...words, '-n', '-r', '-o', 'NS'], { uid });
        equal(status, 0, stderr);
        const found = stdout.match(/\d{6,}/g)?.map(Number) ?? [];
        deepEqual(
          [...new Set(found)].toSorted((a, b) => a - b),
          flat,
          shape,
        );
      }
    } finally {
      await target.end();
    }
  });

  test(`ls --matrix is equal where the links are, as ${name}`, async () => {
    const targets: TargetProcess[] = [];
    try {
      for (const options of [['-n', '-u'], ['-i', '-p', '--fork', '-T'], ['-m', '-C'], fresh]) {
        targets.push(await makeTarget(uid === 0 ? options : [...new Set([...options, '-U', '-r'])], uid));
      }
      const shared = `--target=${targets[0]?.pid} --net ${uid === 0 ? '' : '--user --preserve-credentials'}`;
      targets.push(await startScript(`exec nsenter ${shared} sleep 3004`, 3004, uid));
      sameAsLinks(answer(['ls', '--matrix'], { uid }) as Matrix, targets, uid);
    } finally {
      for (const target of targets) await target.end();
    }
  });
}

interface Cell {
  readonly ns: number;
  readonly initial: boolean | null;
  readonly group: number | null;
}

interface Matrix {
  readonly matrix: readonly {
    readonly pids: readonly number[];
    readonly namespaces: Readonly<Record<string, Cell | null>>;
  }[];
}

function sameAsLinks({ matrix }: Matrix, targets: readonly TargetProcess[], uid: number): void {
  const cell = (pid: number, kind: string): Cell | null | undefined =>
    matrix.find(({ pids }) => pids.includes(pid))?.namespaces[kind];
  for (const one of targets) {
    for (const kind of KINDS) {
      const a = cell(one.pid, kind);
      equal(`${kind}:[${a?.ns}]`, linkOf(one.pid, kind));
      const isInitial = linkOf(one.pid, kind) === linkOf('self', kind);
      // Which mount and network namespace is the host's tells its process 1 only, before Linux 6.18.
      if (a?.initial === null && uid !== 0) ok(!since(6, 18) && (kind === 'mnt' || kind === 'net'), kind);
      else equal(a?.initial, isInitial);
      for (const other of targets) {
        const b = cell(other.pid, kind);
        const isSame = linkOf(one.pid, kind) === linkOf(other.pid, kind);
        const isOneRow = matrix.some(({ pids }) => pids.includes(one.pid) && pids.includes(other.pid));
        if (isOneRow || isInitial) continue;
        equal(typeof a?.group === 'number' && a.group === b?.group, isSame, `${kind} of ${one.pid} and ${other.pid}`);
      }
    }
  }
}

test('ls -Q: what holds is listed, and nothing else', async () => {
  const target = await makeTarget(['-n', '-u']);
  try {
    const { namespaces } = answer(['ls', '-o', 'NS,TYPE,NPROCS,PID,RSS,UID']) as Listing;
    const filter = 'TYPE == "net" && NPROCS >= 1 || TYPE =~ "^u" && PID > 1';
    const held = namespaces.filter(
      ({ type, nprocs, pid }) => (type === 'net' && nprocs >= 1) || (type.startsWith('u') && Number(pid) > 1),
    );
    // From the left, as both bind alike.
    const expected = held.filter((row) => Number(row['pid']) > 1);
    deepEqual(numbers((answer(['ls', '-o', 'NS', '-Q', filter]) as Listing).namespaces), numbers(expected));
    ok(expected.length >= 2 && expected.length < namespaces.length);
    const big = (answer(['ls', '-o', 'NS', '-Q', 'RSS > 1K && CPU >= 0 && THREADS >= 1']) as Listing).namespaces;
    ok(numbers(big).includes(inode(target.pid, 'net')));
    deepEqual((answer(['ls', '-Q', 'RSS < 1 && NPROCS > 5']) as Listing).namespaces, []);
  } finally {
    await target.end();
  }
});

test('ls --unused and --deep -P: what only a name, a mount or a descriptor keeps', async () => {
  sh('ip netns add lonely; touch /run/uts-lonely; unshare --uts=/run/uts-lonely true');
  try {
    const [net, uts] = sh('stat -Lc %i /run/netns/lonely /run/uts-lonely').trim().split('\n').map(Number);
    await withPin('fd', (pinned) => {
      const unused = (answer(['ls', '--unused', '-o', '+NSFS,CREATED,HOLDERS']) as Listing).namespaces;
      deepEqual(new Set(numbers(unused)), new Set([net, uts]));
      for (const row of unused) match(String(row['created']), /Z~$/);
      const persistent = (answer(['ls', '--deep', '-P', '-o', '+HOLDERS']) as Listing).namespaces;
      const holders = new Map(persistent.map((row) => [row.ns, String(row['holders'])]));
      match(holders.get(net ?? 0) ?? '', /name:\d/);
      match(holders.get(uts ?? 0) ?? '', /mount:\d/);
      equal(holders.get(Number(pinned)), 'descriptor:1');
      ok(persistent.every(({ nprocs }) => nprocs === 0));
    });
    const user = await startScript('exec ip netns exec lonely sleep 3005', 3005);
    try {
      deepEqual(numbers((answer(['ls', '--unused']) as Listing).namespaces), [uts]);
    } finally {
      await user.end();
    }
  } finally {
    sh('ip netns delete lonely; umount /run/uts-lonely; rm /run/uts-lonely');
  }
});

/** The one of v2; of v1 whichever comes first, as all are alike here. */
function cgroupOf(pid: number): string {
  return run(['sh', '-c', `head -n 1 /proc/${pid}/cgroup | cut -d: -f3-`]).stdout.trim();
}
