// lsns(8) of util-linux 2.38 as the oracle of `nstool ls`.
//
// lsns runs twice, nstool between: what the two runs of lsns agree on must be what nstool says. The host goes on
// meanwhile, so a comparison that found a difference is made again a few times: a wrong answer stays wrong.

import { asUser, commandLine, run } from './program.ts';

/** A row of `lsns -J --output-all`, and of ours, brought to the form of lsns. */
export interface LsnsRow {
  readonly ns: number;
  readonly type: string;
  readonly path: string;
  readonly nprocs: number;
  readonly pid: number;
  readonly ppid: number;
  readonly command: string | null;
  readonly uid: number;
  readonly user: string;
  readonly netnsid: string | null;
  readonly nsfs: string | null;
  readonly pns: number;
  readonly ons: number;
}

/** How a listing is made. */
export interface Listing {
  readonly uid?: number;
  /** Words before each command, as `['nsenter', '--target=7', '--mount']`. */
  readonly within?: readonly string[];
  /** The same words for both programs: `['-t', 'net']`. */
  readonly args?: readonly string[];
  /** What tells the rows apart. With an inode among `args` each row is a process. */
  readonly key?: 'ns' | 'pid';
}

/** All that lsns has. */
const COLUMNS = 'NS,TYPE,PATH,NPROCS,PID,PPID,COMMAND,UID,USER,NETNSID,NSFS,PNS,ONS';
/** What lsns's buffer holds of a command line: BUFSIZ less the final NUL. */
const LSNS_COMMAND_LENGTH = 8191;
const ATTEMPTS = 15;

export function lsnsRows({ uid, within = [], args = [] }: Listing): readonly LsnsRow[] {
  const command = [...within, ...asUser(['lsns', '-J', '--output-all', ...args], uid)];
  // In another locale it mangles what is not ASCII.
  const { status, stdout, stderr } = run(command, { env: { LC_ALL: 'C.UTF-8' } });
  // A process that vanishes under it makes lsns fail; so does one whose name holds a newline.
  if (status !== 0 || stdout.trim() === '') throw new Error(`lsns: status ${status}: ${stderr}`);
  return flatten((JSON.parse(stdout) as { namespaces: NestedRow[] }).namespaces);
}

interface NestedRow extends LsnsRow {
  readonly children?: readonly NestedRow[];
}

function flatten(rows: readonly NestedRow[]): readonly LsnsRow[] {
  return rows.flatMap(({ children, ...row }) => [row, ...flatten(children ?? [])]);
}

/** A row of `nstool ls --json` with those columns. */
export interface NstoolRow extends Omit<LsnsRow, 'nsfs' | 'path' | 'pid' | 'ppid' | 'uid' | 'user' | 'pns' | 'ons'> {
  readonly path: string | null;
  readonly pid: number | null;
  readonly ppid: number | null;
  readonly uid: number | null;
  readonly user: string | null;
  readonly nsfs: readonly string[];
  readonly pns: number | null;
  readonly ons: number | null;
}

export interface CountedGap {
  readonly subject: string;
  readonly reason: string;
  readonly errno: string | null;
  readonly count: number | null;
  readonly examples: readonly string[];
  readonly detail: string | null;
}

export interface NstoolListing {
  readonly schema: number;
  readonly complete: boolean;
  readonly gaps: readonly CountedGap[];
  readonly namespaces: readonly NstoolRow[];
}

export function nstoolListing({ uid, within = [], args = [] }: Listing): NstoolListing {
  const command = [...within, ...commandLine(['ls', '-J', '-o', COLUMNS, ...args], uid)];
  const { status, stdout, stderr } = run(command);
  if (status !== 0) throw new Error(`nstool: status ${status}: ${stderr}`);
  return JSON.parse(stdout) as NstoolListing;
}

/** The row as lsns would print it: 0 and null for what is not there, mounts a line each and those of our own root only. */
function asLsns(row: NstoolRow): LsnsRow {
  const nsfs = row.nsfs.filter((path) => !/^\/proc\/[0-9]+\/root\//.test(path));
  return {
    ...row,
    path: row.path ?? '',
    pid: row.pid ?? 0,
    ppid: row.ppid ?? 0,
    uid: row.uid ?? 0,
    user: row.user ?? '',
    command: row.command === '' ? null : row.command,
    nsfs: nsfs.length === 0 ? null : nsfs.join('\n'),
    pns: row.pns ?? 0,
    ons: row.ons ?? 0,
  };
}

export interface Comparison {
  /** What was compared: inodes, or pids. */
  readonly keys: readonly number[];
  /** Rows in which all is equal are left out of both. */
  readonly lsns: readonly Partial<LsnsRow>[];
  readonly ours: readonly Partial<LsnsRow>[];
}

/** `{ lsns, ours }` are to be equal. Errors: lsns never gave an answer. */
export function compareWithLsns(listing: Listing): Comparison {
  let last: Comparison | undefined;
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    try {
      last = compareOnce(listing);
      if (last.lsns.length === 0 && last.ours.length === 0) return last;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('lsns:')) throw error;
      failure = error;
    }
  }
  if (last === undefined) throw failure;
  return last;
}

function compareOnce(listing: Listing): Comparison {
  const { key = 'ns' } = listing;
  const before = lsnsRows(listing);
  const ours = new Map(nstoolListing(listing).namespaces.map((row) => [row[key], asLsns(row)]));
  const after = new Map(lsnsRows(listing).map((row) => [row[key], row]));
  const result: { keys: number[]; lsns: Partial<LsnsRow>[]; ours: Partial<LsnsRow>[] } = {
    keys: [],
    lsns: [],
    ours: [],
  };
  for (const row of before) {
    const later = after.get(row[key]);
    // The two runs of lsns are two processes: where one stands for a namespace, or is a row itself, they differ.
    if (later === undefined || differences(row, later).some((name) => name !== 'nprocs')) continue;
    const our = ours.get(row[key]);
    result.keys.push(row[key]);
    const wrong: (keyof LsnsRow)[] = our === undefined ? [] : differences(row, our).filter((name) => name !== 'nprocs');
    if (our !== undefined && !isBetween(our.nprocs, row.nprocs, later.nprocs)) wrong.push('nprocs');
    if (our !== undefined && wrong.length === 0) continue;
    const shown: readonly (keyof LsnsRow)[] = ['ns', 'type', 'pid', ...wrong];
    result.lsns.push(pick(row, shown));
    result.ours.push(our === undefined ? {} : pick(our, shown));
  }
  return result;
}

function isBetween(count: number, one: number, other: number): boolean {
  return count >= Math.min(one, other) && count <= Math.max(one, other);
}

function differences(one: LsnsRow, other: LsnsRow): (keyof LsnsRow)[] {
  const keys = Object.keys(one) as (keyof LsnsRow)[];
  return keys.filter((key) => {
    if (key !== 'command') return one[key] !== other[key];
    const [a, b] = [one.command ?? '', other.command ?? ''];
    // Not UTF-8: each program shows that in its own way.
    if (b.includes('\u{fffd}')) return false;
    return Buffer.byteLength(a) === LSNS_COMMAND_LENGTH ? !b.startsWith(a) : a !== b;
  });
}

function pick(row: LsnsRow, keys: readonly (keyof LsnsRow)[]): Partial<LsnsRow> {
  return Object.fromEntries(keys.map((key) => [key, row[key]]));
}

/** Makes a check again while it fails, as the host goes on between the two looks that it compares. Errors: the last. */
export function eventually(check: () => void): void {
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
    try {
      return check();
    } catch {
      continue;
    }
  }
  check();
}
