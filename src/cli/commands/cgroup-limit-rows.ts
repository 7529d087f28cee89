// What became of limits, or would, for eyes and as JSON: of `cgroup set` and `cgroup run`.

import type { LimitPlan, LimitWrite } from '../../cgroups/limit-plan.ts';
import type { LimitResult, LimitState } from '../../cgroups/limit-outcome.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parsePasswd } from '../../kernel/text/passwd.ts';
import type { Column } from '../../render/columns.ts';
import type { Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';

const STATES: Readonly<Record<LimitState, string>> = {
  applied: 'applied',
  rounded: 'rounded',
  not_delegated: 'not delegated',
  unknown: 'unknown here',
  refused: 'refused',
  left: 'left',
};

const columns: readonly Column<LimitResult>[] = [
  { key: 'limit', type: 'string', help: 'which', get: ({ limit }) => optionOf(limit.name) },
  { key: 'state', type: 'string', help: 'what became of it', get: ({ state }) => STATES[state] },
  { key: 'asked', type: 'string', help: 'what was asked for', get: ({ limit }) => forEyes(limit.name, limit.asked) },
  { key: 'given', type: 'string', help: 'what it is', get: ({ limit, given }) => given && forEyes(limit.name, given) },
  { key: 'file', type: 'string', help: 'where it stands', get: ({ files }) => files },
  { key: 'cgroup', type: 'string', help: 'of which', get: ({ limit }) => limit.place?.path ?? null },
];

export function limitsText(results: readonly LimitResult[]): string {
  return renderTable(results, columns, { headings: true });
}

/** Of each that cannot be had, why. */
export function limitNotes(host: Host, results: readonly LimitResult[]): readonly string[] {
  return results.flatMap((result) => {
    const { limit, state, why, tryThis } = result;
    if (why === null || state === 'left') return [];
    const also = limit.implied ? ' (not asked for, it comes with another)' : '';
    const what = `${optionOf(limit.name)}${also}: ${why}${ownerText(host, result)}`;
    return [tryThis === null ? what : `${what}; try: ${tryThis}`];
  });
}

function ownerText(host: Host, { owner }: LimitResult): string {
  if (owner === null) return '';
  const passwd = valueOf(host.readFile('/etc/passwd'));
  const name = passwd === undefined ? undefined : parsePasswd(passwd).get(owner);
  return `: it belongs to ${name === undefined ? `uid ${owner}` : `${name} (uid ${owner})`}`;
}

/** Is it wanted, and cannot be had? What only comes with another may be unknown here: without swap none is to be forbidden. */
export function isMissed({ limit, state }: LimitResult): boolean {
  return state === 'not_delegated' || state === 'refused' || (state === 'unknown' && !limit.implied);
}

/** Of the first that was wanted and cannot be had. undefined: all can. */
export function limitError(host: Host, results: readonly LimitResult[], what: string): NsError | undefined {
  const missed = results.find(isMissed);
  if (missed === undefined) return undefined;
  // Who asked for one alone has nothing to go on with.
  const others = results.filter(({ limit }) => !limit.implied).length > 1;
  const tryThis = missed.tryThis ?? TRY[missed.state] ?? (others ? '--best-effort, to go on without it' : undefined);
  const facts = {
    what: `${what}: ${STATES[missed.state]}: ${optionOf(missed.limit.name)} ${forEyes(missed.limit.name, missed.limit.asked)}`,
    why: `${missed.why ?? ''}${ownerText(host, missed)}`,
    ...(tryThis === undefined ? {} : { tryThis }),
  };
  return new NsError(missed.state === 'unknown' ? 'UNSUPPORTED' : 'DENIED', facts);
}

const TRY: Readonly<Partial<Record<LimitState, string>>> = {
  not_delegated: 'as root; or a cgroup that is delegated to you (systemd: Delegate=yes); or --best-effort',
};

/** `--cpu-weight`. */
function optionOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

const SIZES: ReadonlySet<string> = new Set(['memory', 'swap', 'memory_high']);

function forEyes(name: string, word: string): string {
  return SIZES.has(name) && /^\d+$/.test(word) ? exactSize(BigInt(word)) : word;
}

/** In the largest unit of which it is a whole number: `5M`, `4880K`. */
function exactSize(bytes: bigint): string {
  let [size, unit] = [bytes, 0];
  while (size !== 0n && size % 1024n === 0n && unit < 4) [size, unit] = [size / 1024n, unit + 1];
  return `${size}${['', 'K', 'M', 'G', 'T'][unit]}`;
}

export function limitJson({ limit, state, given, files, why, owner, errno }: LimitResult, planned = false): Json {
  const { name, device, asked, implied, place } = limit;
  return {
    limit: name,
    device: device?.number ?? null,
    device_name: device?.name ?? null,
    asked,
    given,
    state: planned && state === 'left' ? 'planned' : state,
    implied,
    version: place?.version ?? null,
    path: place?.path ?? null,
    files,
    why: planned && state === 'left' ? null : why,
    owner,
    errno,
  };
}

const writeColumns: readonly Column<LimitWrite>[] = [
  { key: 'cgroup', type: 'string', help: 'of which', get: ({ path }) => path },
  { key: 'file', type: 'string', help: 'which', get: ({ file }) => file },
  { key: 'now', type: 'string', help: 'what brings the old value back', get: ({ previous }) => previous },
  { key: 'then', type: 'string', help: 'what is written', get: ({ text }) => text },
  { key: 'reason', type: 'string', help: 'why', get: ({ reason }) => reason },
];

export function writesText({ writes }: LimitPlan): string {
  return renderTable(writes, writeColumns, { headings: true });
}

export function writeJson({ version, path, place, file, previous, text, reason }: LimitWrite): Json {
  const { mount, below } = place;
  return { version, path, directory: below === '' ? mount : `${mount}/${below}`, file, previous, text, reason };
}

/** What was set, in a line; of each that the kernel made something else of, another. */
export function madeText(results: readonly LimitResult[]): readonly string[] {
  const told = ({ limit, given }: LimitResult, word = given ?? limit.asked): string =>
    `${optionOf(limit.name).slice(2)}${limit.device === null ? '' : ` ${limit.device.name ?? limit.device.number}`} ${forEyes(limit.name, word)}`;
  const applied = results.filter(({ state }) => state === 'applied').map((each) => told(each));
  const rounded = results.filter(({ state }) => state === 'rounded');
  return [
    ...(applied.length === 0 ? [] : [`applied: ${applied.join(', ')}`]),
    ...rounded.map((each) => `rounded: ${told(each)}, of ${forEyes(each.limit.name, each.limit.asked)}`),
  ];
}
