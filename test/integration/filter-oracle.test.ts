// Filters find what `lsns -Q` of the newest util-linux finds, among the namespaces that both see.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filterColumns } from '../../src/cli/commands/ls-columns.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { namespaceKinds } from '../../src/kernel/abi/namespace-kinds.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import { namespaceRows, type Fact, type NamespaceRow } from '../../src/namespaces/rows.ts';
import { matches, parseFilter } from '../../src/render/filter/filter.ts';
import { eventually } from '../support/lsns.ts';
import { newestUtilLinux } from '../support/newest-util-linux.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { descendants, freshBelow } from '../support/stage.ts';

const newest = newestUtilLinux();

const facts: ReadonlySet<Fact> = new Set(['ppid', 'command', 'uid', 'user', 'netnsid', 'pns', 'ons']);
const kinds = new Set(namespaceKinds.map(({ kind }) => kind));

/** lsns shows the mounts of our own mount namespace only. */
function asLsnsRow(row: NamespaceRow): NamespaceRow {
  return { ...row, nsfs: row.nsfs.filter((path) => !/^\/proc\/[0-9]+\/root\//.test(path)) };
}

function hostRows(): readonly NamespaceRow[] {
  return namespaceRows(discoverNamespaces(linuxHost(), kinds), facts).map(asLsnsRow);
}

function lsns(filter: string): RunResult {
  const words = newest?.('lsns') ?? [];
  return run([...words, '-l', '-r', '-n', '-o', 'NS', '-Q', filter], { env: { LC_ALL: 'C.UTF-8' } });
}

function lsnsInodes(filter: string): ReadonlySet<number> {
  const { status, stdout, stderr } = lsns(filter);
  if (status !== 0) throw new Error(`lsns -Q '${filter}': status ${status}: ${stderr}`);
  return new Set(stdout.split('\n').filter(Boolean).map(Number));
}

function ourInodes(filter: string, rows: readonly NamespaceRow[]): ReadonlySet<number> {
  const parsed = parseFilter(filter, filterColumns);
  if (!parsed.ok) throw new Error(`${filter}: ${parsed.problem} at ${parsed.at}`);
  return new Set(rows.filter((row) => matches(parsed.filter, row)).map(({ ns }) => Number(ns)));
}

interface Difference {
  readonly found: readonly number[];
  readonly missing: readonly number[];
  readonly extra: readonly number[];
}

/** lsns looks before and after us: where its answers differ, ours may be either. */
function difference(filter: string): Difference {
  const all = lsnsInodes('');
  const before = lsnsInodes(filter);
  const rows = hostRows();
  const after = lsnsInodes(filter);
  const known = rows.map(({ ns }) => Number(ns)).filter((inode) => all.has(inode));
  const ours = ourInodes(filter, rows);
  return {
    found: known.filter((inode) => ours.has(inode)),
    missing: known.filter((inode) => before.has(inode) && after.has(inode) && !ours.has(inode)),
    extra: known.filter((inode) => ours.has(inode) && !before.has(inode) && !after.has(inode)),
  };
}

describe.skipIf(lacks('root', 'namespaces', 'unshare') || newest === undefined)('filters, beside lsns -Q', () => {
  let folder: string;
  let fresh: Started;
  /** What expressions name by a word in braces. */
  let names: Readonly<Record<string, number | string>>;
  let inodes: readonly number[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'filter-oracle-'));
    const mount = join(folder, 'first net');
    writeFileSync(mount, '');
    writeFileSync(join(folder, 'second'), '');
    // Without a process, mounted twice.
    expect(run(['unshare', `--net=${mount}`, 'true']).status).toBe(0);
    expect(run(['mount', '--bind', mount, join(folder, 'second')]).status).toBe(0);
    const every = ['-muinpUCT', '--map-root-user', '--fork', '--kill-child'];
    fresh = await startReady(['unshare', ...every, 'sh', '-c', 'echo ready; exec sleep 1000']);
    inodes = freshBelow(fresh.pid);
    const pid = descendants(fresh.pid).at(-1) ?? 0;
    const inode = (name: string): number => statSync(`/proc/${pid}/ns/${name}`).ino;
    names = { pid, net: inode('net'), user: inode('user'), uts: inode('uts'), held: statSync(mount).ino, folder };
  });

  afterAll(async () => {
    for (const name of ['second', 'first net']) run(['umount', join(folder, name)]);
    rmSync(folder, { recursive: true, force: true });
    await fresh.end();
  });

  const filled = (expression: string): string =>
    expression.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => String(names[name]));

  it('sees the same namespaces, fresh ones of all kinds and one without a process among them', () => {
    eventually(() => {
      const { found, missing, extra } = difference('');
      expect({ missing, extra }).toEqual({ missing: [], extra: [] });
      expect(inodes).toHaveLength(8);
      expect(found).toEqual(expect.arrayContaining([...inodes, names['held']]));
    });
  });

  it.each([
    // Values and columns alone.
    'NS',
    'PID',
    '!PID',
    'NOT PID AND NSFS',
    'PNS',
    'NETNSID',
    '!NETNSID',
    'UID && USER',
    'true',
    'FALSE || NS',
    '0 OR "x"',
    // Comparisons, in symbols and words, with values of every type.
    'TYPE == "net"',
    "tYpE EQ 'uts'",
    'TYPE != "mnt"',
    'TYPE ne "mnt" AND TYPE NE "net"',
    'TYPE < "n"',
    'TYPE GE "user"',
    'NS == {net}',
    '{net} == NS',
    'NS > {net}',
    'NS >= {net} && NS < {user}',
    'NS == "{net}"',
    'NS != " {net} "',
    'NPROCS == 1',
    'NPROCS > 1.5',
    'NPROCS LT 2.0',
    'NPROCS <= 1K',
    'NS gt 3GiB && NPROCS lt 1MiB',
    'NS < 99999999999999999999',
    'PID == 0',
    'PID != {pid}',
    'PPID == 0',
    'PNS == 0',
    'ONS == 0',
    'ONS',
    '!ONS && PNS < 1',
    'ONS <= PNS',
    'PNS != 0 || ONS == {user}',
    'ONS != {user} && TYPE == "net"',
    'UID == 0',
    'USER == "root"',
    'USER != "root"',
    'NSFS == ""',
    'NSFS != ""',
    'NSFS < "x"',
    'NETNSID == "unassigned"',
    // Conversions, columns beside columns.
    'NS == "abc"',
    'NS < "5"',
    '"5" == 5',
    'NPROCS == true',
    'TYPE == true',
    '!NSFS == true',
    '(PID == {pid}) != false',
    'PID == NPROCS',
    'PPID < PID',
    'TYPE == USER',
    'PATH > COMMAND',
    'TYPE > NS',
    // Precedence.
    'TYPE == "net" || TYPE == "uts" && PID == {pid}',
    'TYPE == "net" || (TYPE == "uts" && PID == {pid})',
    'TYPE == "net" && PID || NSFS',
    '!PID == 0',
    '!(TYPE == "mnt" || TYPE == "net")',
    'not not nsfs and !!NS == 1',
    // Regular expressions.
    'COMMAND =~ "^sleep 10{3}$"',
    'COMMAND !~ "sleep"',
    "COMMAND =~ '(sleep|cat) [[:digit:]]+'",
    'COMMAND =~ ("^s")',
    'PATH =~ "/ns/(net|mnt)$"',
    'PATH =~ "^$"',
    'NS =~ "^40.*[02468]$"',
    'TYPE =~ "(n+e*)+t"',
    'TYPE !~ "^[^mn]"',
    'NSFS =~ "^/"',
    'NSFS =~ "first net"',
    'NSFS =~ "^{folder}/[^/]*.{folder}/"',
    'NSFS =~ "second$"',
    'NSFS !~ "/"',
    'COMMAND =~ "\\<sleep\\>" && PID == {pid} == true',
    'USER =~ ""',
    'COMMAND =~ " sleep "',
  ])('%s', (expression) => {
    eventually(() => {
      const { missing, extra } = difference(filled(expression));
      expect({ missing, extra }).toEqual({ missing: [], extra: [] });
    });
  });

  it.each([
    'NS ==',
    'NS NS',
    'NS = 5',
    '(NS',
    'NS)',
    '()',
    'NS == 1KB',
    'NS == 0x10',
    'NS And PID',
    'TYPE == net',
    'FOO',
    "TYPE == 'net",
    'TYPE > 5',
    '5.5 <= COMMAND',
    'TYPE =~ PATH',
    'TYPE =~ "("',
    'TYPE =~ "*"',
    'TYPE =~ "[z-a]"',
    'TYPE =~ "a{2,1}"',
    'TYPE =~ "[[:foo:]]"',
  ])('both refuse %s', (expression) => {
    expect(lsns(expression).status).toBe(1);
    expect(parseFilter(expression, filterColumns)).toMatchObject({ ok: false });
  });
});
