// What is shown of the capabilities of a process, and of all that decides what they are worth.

import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import type { Credentials } from '../../capabilities/credentials.ts';
import { collapse } from '../../capabilities/expression.ts';
import { formatIab } from '../../capabilities/iab.ts';
import { decodeMask, formatMask } from '../../capabilities/mask.ts';
import { securebitNames } from '../../capabilities/securebits.ts';
import { setsOf, type CapabilitySets } from '../../capabilities/sets.ts';
import { formatCapabilityText } from '../../capabilities/text.ts';
import { INITIAL_USER_INODE } from '../../kernel/abi/nsfs.ts';
import { valueOf } from '../../kernel/host.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { isOwn } from '../../namespaces/own.ts';
import type { FieldDefinition } from '../show/field.ts';
import { HostLook } from '../show/host-look.ts';
import { processFields } from '../show/process-fields.ts';
import type { ProcessLook } from '../show/process-look.ts';
import { plain, type Field, type Value } from '../show/report.ts';
import { idInside } from '../user-ids.ts';
import { readThreads } from './threads.ts';
import { userPlace, type UserPlace } from './user-place.ts';
import { verdictOn, type Standing } from './verdict.ts';

type CapsField = FieldDefinition<ProcessLook>;

const SETS = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;

/** As `nstool show` has it. */
function shared(key: string): CapsField {
  const field = processFields.find((each) => each.key === key);
  if (field === undefined) throw new Error(`no field ${key}`);
  return field;
}

const SET_HELP: Readonly<Record<(typeof SETS)[number], string>> = {
  effective: 'what the kernel checks',
  permitted: 'what it can make effective',
  inheritable: 'what execve(2) hands on to programs that have it inheritable',
  bounding: 'what execve(2) can give it at most, inheritable ones aside',
  ambient: 'what execve(2) hands on to any program',
};

export const capsFields: readonly CapsField[] = [
  shared('pid'),
  shared('thread_of'),
  shared('comm'),
  ...SETS.map((key): CapsField => ({ key, help: SET_HELP[key], build: (look) => setField(look, key) })),
  {
    key: 'text',
    help: "the first three as libcap's text",
    build: (look) => textField(look, 'text', formatCapabilityText),
  },
  {
    key: 'iab',
    help: 'inheritable, ambient and what the bounding set lacks as its IAB',
    build: (look) => textField(look, 'iab', formatIab),
  },
  { key: 'verdict', help: 'what that comes to', build: verdictField },
  shared('no_new_privs'),
  { key: 'seccomp', help: 'disabled, strict or filter, and how many filters', build: seccompField },
  shared('lsm'),
  shared('uid'),
  shared('gid'),
  { key: 'groups', help: 'its supplementary groups here', build: groupsField },
  { key: 'securebits', help: 'of ourselves only: no one is told those of others', build: securebitsField },
  {
    key: 'user_namespace',
    help: 'where the capabilities count: its number, level and owner',
    build: userNamespaceField,
  },
  {
    key: 'threads',
    help: 'how many there are, and those unlike the first one, with their own sets',
    applies: (look) => look.status !== null && look.status.tgid === look.pid && !(look instanceof HostLook),
    build: threadsField,
  },
];

function setJson(mask: bigint, all: bigint | undefined): { readonly [key: string]: Value } {
  const { names, unknown } = decodeMask(mask);
  return { mask: formatMask(mask), names, unknown, short: collapse(mask, all) };
}

function setField({ host, masks }: ProcessLook, key: (typeof SETS)[number]): Field {
  const mask = masks?.[key] ?? null;
  if (mask === null) return plain(key, null);
  const all = valueOf(allCapabilities(host));
  return { key, value: setJson(mask, all), lines: [`${formatMask(mask)} ${collapse(mask, all)}`] };
}

function textField(look: ProcessLook, key: string, format: (sets: CapabilitySets, all: bigint) => string): Field {
  const sets = look.masks === null ? undefined : setsOf(look.masks);
  const all = look.value('last capability of the kernel', allCapabilities(look.host));
  if (sets === undefined || all === null) return plain(key, null);
  const text = format(sets, all);
  return { key, value: text, lines: [text === '' ? 'none' : text] };
}

const SECCOMP = ['disabled', 'strict', 'filter'];

function seccompText(mode: number | null, filters: number | null): string {
  if (mode === null) return '-';
  const name = SECCOMP[mode] ?? String(mode);
  return filters === null || filters === 0 ? name : `${name} (${filters} filter${filters === 1 ? '' : 's'})`;
}

function seccompField({ masks }: ProcessLook): Field {
  const mode = masks?.seccomp ?? null;
  const filters = masks?.seccompFilters ?? null;
  const value = { mode: mode === null ? null : (SECCOMP[mode] ?? String(mode)), filters };
  return { key: 'seccomp', value, lines: [seccompText(mode, filters)] };
}

function groupsField({ status }: ProcessLook): Field {
  const groups = status?.groups ?? null;
  return { key: 'groups', value: groups, lines: [groups === null ? '-' : groups.join(', ') || 'none'] };
}

const NOT_TOLD = 'only a process itself is told its own (prctl(2), PR_GET_SECUREBITS)';

function isSelf(look: ProcessLook): boolean {
  return look.pid === look.host.self.pid && !(look instanceof HostLook);
}

function securebitsField(look: ProcessLook): Field {
  const key = 'securebits';
  if (!isSelf(look)) return { key, value: { bits: null, names: null, why: NOT_TOLD }, lines: [`unknown: ${NOT_TOLD}`] };
  const bits = look.value(key, look.host.securebits());
  if (bits === null) return { key, value: { bits: null, names: null, why: 'the kernel did not tell' }, lines: ['-'] };
  const names = securebitNames(bits);
  const text = `0x${bits.toString(16)}${names.length === 0 ? '' : ` ${names.join(', ')}`}`;
  return { key, value: { bits, names, why: null }, lines: [text] };
}

/** null: closed to us. */
function placeOf(look: ProcessLook): UserPlace | null {
  const inode = look instanceof HostLook ? initialUserNamespace(look) : look.user.inode;
  if (inode === null) return null;
  return userPlace(look.host, `/proc/${look.pid}/ns/user`, inode);
}

function initialUserNamespace(look: HostLook): bigint | null {
  const link = look.namespaceLink('user');
  return look.value('user namespace', link.ok ? parseNamespaceLink(link.value, 'user') : link)?.inode ?? null;
}

function userNamespaceField(look: ProcessLook): Field {
  const key = 'user_namespace';
  const place = placeOf(look);
  if (place === null) return plain(key, null);
  const { inode, initial, owner, level } = place;
  const text = initial
    ? `${inode} the host's`
    : `${inode} level ${level ?? '-'}, owned by ${owner === null ? '-' : `uid ${owner}`}`;
  return { key, value: { ns: inode, initial, level, owner }, lines: [text] };
}

function standingOf(look: ProcessLook): Standing | null {
  const sets = look.masks === null ? undefined : setsOf(look.masks);
  if (sets === undefined) return null;
  const [real, effective] = look.status?.uids ?? [];
  const inside = (uid: number | undefined): number | null =>
    uid === undefined || look.user.uids === null ? null : (idInside(look.user.uids, uid) ?? null);
  const isHost = look instanceof HostLook;
  const namespace = placeOf(look);
  const seesAll = isOwn(look.host, 'user', INITIAL_USER_INODE);
  return {
    sets,
    all: valueOf(allCapabilities(look.host)),
    noNewPrivileges: isHost ? false : (look.masks?.noNewPrivileges ?? null),
    securebits: isSelf(look) ? (valueOf(look.host.securebits()) ?? null) : null,
    realUid: inside(real),
    effectiveUid: inside(effective),
    isRootOutside: seesAll && effective !== undefined ? effective === 0 : null,
    namespace,
  };
}

function verdictField(look: ProcessLook): Field {
  const key = 'verdict';
  const standing = standingOf(look);
  if (standing === null) return plain(key, null);
  const { code, regains, text } = verdictOn(standing);
  const value = {
    code,
    regains: regains === null ? null : { by: regains.by, set: setJson(regains.mask, standing.all) },
    text,
  };
  return { key, value, lines: [text] };
}

function threadsField(look: ProcessLook): Field {
  const key = 'threads';
  const threads = readThreads(look.host, look.pid, look.gaps);
  if (threads === null) return plain(key, null);
  const { count, first, unlike } = threads;
  const all = valueOf(allCapabilities(look.host));
  const value = { count, unlike: unlike.map((thread) => threadJson(thread, all)) };
  if (unlike.length === 0) return { key, value, lines: [count === 1 ? '1' : `${count}, all alike`] };
  return {
    key,
    value,
    lines: [`${count}, of them ${unlike.length} unlike the first:`, ...threadLines(unlike, first, all)],
  };
}

function threadJson(thread: Credentials, all: bigint | undefined): Value {
  const { tid, name, uids, gids, groups, sets, noNewPrivileges, seccomp, seccompFilters } = thread;
  return {
    tid,
    comm: name,
    ...Object.fromEntries(SETS.map((set) => [set, setJson(sets[set], all)])),
    text: all === undefined ? null : formatCapabilityText(sets, all),
    iab: all === undefined ? null : formatIab(sets, all),
    uids,
    gids,
    groups,
    no_new_privs: noNewPrivileges,
    seccomp: { mode: seccomp === null ? null : (SECCOMP[seccomp] ?? String(seccomp)), filters: seccompFilters },
  };
}

/** Of more that are alike only the number is told; --json has all. */
const MAX_NAMED = 6;

/** Those that are alike share a line. */
function threadLines(threads: readonly Credentials[], first: Credentials, all: bigint | undefined): readonly string[] {
  const groups = new Map<string, Credentials[]>();
  for (const thread of threads) {
    const text = unlikeness(thread, first, all).join('; ');
    groups.set(text, [...(groups.get(text) ?? []), thread]);
  }
  return [...groups].map(([text, alike]) => {
    const named = alike.slice(0, MAX_NAMED).map(({ tid, name }) => `${tid} ${name}`);
    const more = alike.length > MAX_NAMED ? [`${alike.length - MAX_NAMED} more`] : [];
    return `${[...named, ...more].join(', ')}: ${text}`;
  });
}

/** What it has that the first one has not. */
function unlikeness(thread: Credentials, first: Credentials, all: bigint | undefined): readonly string[] {
  const parts = (one: Credentials): readonly string[] => [
    ...SETS.map((set) => `${set} ${collapse(one.sets[set], all)}`),
    `uid ${idsText(one.uids)}`,
    `gid ${idsText(one.gids)}`,
    `groups ${one.groups.join(',') || 'none'}`,
    `no_new_privs ${one.noNewPrivileges === null ? '-' : one.noNewPrivileges ? 'yes' : 'no'}`,
    `seccomp ${seccompText(one.seccomp, one.seccompFilters)}`,
  ];
  const known = new Set(parts(first));
  return parts(thread).filter((part) => !known.has(part));
}

/** Mostly they are all one. */
function idsText(ids: readonly number[]): string {
  return new Set(ids).size === 1 ? String(ids[0]) : ids.join(' ');
}
