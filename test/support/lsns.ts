// lsns(8) of util-linux 2.38 as the oracle of `nstool ls`.
//
// lsns runs twice, nstool between: what the two runs of lsns agree on must be what nstool says. The host goes on
// meanwhile, so a comparison that found a difference is made again a few times: a wrong answer stays wrong.

import { readdirSync } from 'node:fs';
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
}

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

/** A row as `nstool ls --json --output-all` has it. */
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
  const command = [...within, ...commandLine(['ls', '-J', '--output-all', ...args], uid)];
  const { status, stdout, stderr } = run(command);
  if (status !== 0) throw new Error(`nstool: status ${status}: ${stderr}`);
  return JSON.parse(stdout) as NstoolListing;
}

/** The row as lsns would print it: 0 and null for what is not there, mounts a line each and those of our own root only. */
export function asLsns(row: NstoolRow): LsnsRow {
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
  /** The namespaces that were compared. */
  readonly inodes: readonly number[];
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
  const known = processes();
  const before = lsnsRows(listing);
  const ours = new Map(nstoolListing(listing).namespaces.map((row) => [row.ns, asLsns(row)]));
  const after = new Map(lsnsRows(listing).map((row) => [row.ns, row]));
  const result: { inodes: number[]; lsns: Partial<LsnsRow>[]; ours: Partial<LsnsRow>[] } = {
    inodes: [],
    lsns: [],
    ours: [],
  };
  for (const row of before) {
    const later = after.get(row.ns);
    // The observers themselves stand for the namespaces that they alone are in: those rows differ by nature.
    if (later === undefined || !known.has(row.pid) || differences(row, later).some((key) => key !== 'nprocs')) continue;
    const our = ours.get(row.ns);
    result.inodes.push(row.ns);
    const keys: readonly (keyof LsnsRow)[] = our === undefined ? ['ns', 'type', 'pid'] : differences(row, our);
    const wrong = keys.filter((key) => key !== 'nprocs' || our === undefined || !isBetween(our.nprocs, row.nprocs, later.nprocs));
    if (wrong.length === 0) continue;
    result.lsns.push(pick(row, ['ns', ...wrong]));
    result.ours.push(our === undefined ? {} : pick(our, ['ns', ...wrong]));
  }
  return result;
}

function processes(): ReadonlySet<number> {
  return new Set(readdirSync('/proc').map(Number));
}

function isBetween(count: number, one: number, other: number): boolean {
  return count >= Math.min(one, other) && count <= Math.max(one, other);
}

function differences(one: LsnsRow, other: LsnsRow): readonly (keyof LsnsRow)[] {
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
