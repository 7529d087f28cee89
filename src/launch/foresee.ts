// What the kernel will say to the joining, told before it is asked: by the rules of setns(2) on who owns what and which
// capabilities count there. The same facts make the texts of a refusal that comes.
// Source: setns(2), kernel/nsproxy.c validate_nsset(), and the install function of each kind.

import { kindFacts } from '../kernel/abi/namespace-kinds.ts';
import { OUTSIDE } from '../inspect/ptrace-access.ts';
import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host, type NamespaceQuestion } from '../kernel/host.ts';
import { ownInode } from '../namespaces/own.ts';
import { joinedAtOnce, type Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { deadInit, noCopy, notADescendant, type Refusal, type Rule } from './rule.ts';
import { powerIn, type Power, type Subject } from '../capabilities/capable.ts';
import { CAPABILITY } from '../kernel/abi/capability.ts';
import { lackOf } from './standing.ts';

export interface Foresight {
  /** The rule that forbids to join it, or would if it were refused. */
  readonly rules: ReadonlyMap<Door, Rule>;
  /** The first step that fails; undefined: none, as far as can be told. */
  readonly refusal?: Refusal;
  /** What could not be looked at. */
  readonly gaps: GapTally;
}

interface Scene {
  readonly us: Subject;
  readonly query: EnterQuery;
  readonly joined: readonly Door[];
  readonly powers: ReadonlyMap<Door, Power>;
  readonly user: Door | undefined;
  /** The mount namespace that is not entered with the others: only its mounts are copied. */
  readonly copied: Door | undefined;
}

/** `us`: undefined where the host does not tell. */
export function foresee(
  host: Host,
  us: Subject | undefined,
  query: EnterQuery,
  joined: readonly Door[],
  copied: Door | undefined,
  gaps: GapTally,
): Foresight {
  if (us === undefined) {
    gaps.add('standing of our own', { reason: 'unsupported', what: '/proc/self/status, /proc/self/ns/user' });
    return { rules: new Map(), gaps };
  }
  const powers = new Map<Door, Power>();
  for (const door of joined) {
    const { at, through } = door.way;
    const owner = door.kind === 'user' ? door.way : { at, through: [...through, 'NS_GET_USERNS' as const] };
    const power = powerIn(host, us, owner);
    if ('reason' in power) gaps.add('owner of a namespace', power);
    else powers.set(door, power);
  }
  const scene: Scene = { us, query, joined, powers, copied, user: joined.find(({ kind }) => kind === 'user') };
  const rules = new Map(joined.map((door) => [door, ruleFor(host, scene, door)]));
  const refusal = firstRefusal(host, scene, rules);
  return { rules, gaps, ...(refusal === undefined ? {} : { refusal }) };
}

/** In the order of the steps. */
function firstRefusal(host: Host, scene: Scene, rules: ReadonlyMap<Door, Rule>): Refusal | undefined {
  const { joined, user } = scene;
  const order = user === undefined ? joined : [user, ...joined.filter((door) => door !== user)];
  for (const door of order) {
    if (door.ours || !scene.powers.has(door)) continue;
    const what = `cannot join the ${door.kind} namespace of ${door.path}`;
    const beyond = door.kind === 'pid' ? notBelow(host, door) : undefined;
    if (door === scene.copied && !isAllowed(scene, door)) return noCopy;
    if (!isAllowed(scene, door)) return { what: `${what}: EPERM`, ...(rules.get(door) ?? { why: '' }) };
    if (beyond !== undefined) return { what: `${what}: EINVAL`, why: beyond };
  }
  return isDead(host, scene) ? deadInit : undefined;
}

/** By one call for all, by the first round, or by the second. */
function isAllowed(scene: Scene, door: Door): boolean {
  const { us, joined, powers, user } = scene;
  const atOnce = joinedAtOnce(joined.filter((each) => each !== scene.copied));
  if (atOnce.includes(door) && allowsAtOnce(scene, atOnce)) return true;
  const power = powers.get(door);
  if (power === undefined || door === user) return power === undefined || has(power.capabilities, SYS_ADMIN);
  if (has(power.capabilities, SYS_ADMIN) && has(us.effective, neededHere(door))) return true;
  const inner = user === undefined ? undefined : powers.get(user);
  return inner !== undefined && power.chain.includes(inner.inode);
}

/** What is needed in the user namespace that one will be in counts in that of the target then. */
function allowsAtOnce({ powers, user }: Scene, doors: readonly Door[]): boolean {
  const inner = user === undefined ? undefined : powers.get(user);
  return doors.every((door) => {
    const power = powers.get(door);
    if (power === undefined || inner === undefined) return false;
    return has(power.capabilities, SYS_ADMIN) && has(inner.capabilities, neededHere(door));
  });
}

const { SYS_ADMIN, SYS_CHROOT } = CAPABILITY;

/** Of every kind but user. */
function neededHere({ kind }: Door): bigint {
  return kind === 'mnt' ? SYS_ADMIN | SYS_CHROOT : SYS_ADMIN;
}

function has(capabilities: bigint, needed: bigint): boolean {
  return (capabilities & needed) === needed;
}

function ruleFor(host: Host, scene: Scene, door: Door): Rule {
  const { us, powers, query } = scene;
  const power = powers.get(door);
  if (power === undefined) {
    return { why: 'that needs CAP_SYS_ADMIN in the user namespace that owns it, and in our own', tryThis: sudo(scene) };
  }
  if (door === scene.user) {
    const why = has(power.capabilities, SYS_ADMIN)
      ? `we have CAP_SYS_ADMIN in it, so that a security module must have refused it`
      : `that needs CAP_SYS_ADMIN in it: ${lackOf('CAP_SYS_ADMIN', power, us)}`;
    return { why, tryThis: sudo(scene) };
  }
  if (!has(power.capabilities, SYS_ADMIN)) {
    const why = `that needs CAP_SYS_ADMIN in the user namespace that owns it: ${lackOf('CAP_SYS_ADMIN', power, us)}`;
    return { why, tryThis: sudo(scene) };
  }
  const owned = `user:[${power.inode}] owns it, and we may there, but that also needs`;
  if (!has(us.effective, SYS_ADMIN)) {
    const why = `${owned} CAP_SYS_ADMIN in our own user namespace`;
    const user = power.place === 'below' ? userThatWouldDo(host, scene, door, power) : undefined;
    return { why, tryThis: user === undefined ? sudo(scene) : commandText(query, user) };
  }
  if (!has(us.effective, neededHere(door)))
    return { why: `${owned} CAP_SYS_CHROOT in our own user namespace, for a mount namespace`, tryThis: sudo(scene) };
  return { why: 'we have CAP_SYS_ADMIN where it is needed, so that a security module must have refused it' };
}

function sudo({ us, query }: Scene): string {
  if (us.uid !== 0) return `sudo ${commandText(query)}`;
  return OUTSIDE;
}

/** The option for a user namespace with which all that was asked for can be joined. undefined: there is none. */
function userThatWouldDo(host: Host, scene: Scene, door: Door, owner: Power): string | undefined {
  const { joined, powers, user } = scene;
  if (user !== undefined) return undefined;
  const all = joined.map((each) => powers.get(each));
  // One call joins them with the user namespace of the process, whoever owns each.
  if (joined.every(({ ofProcess }) => ofProcess))
    return all.every((power) => has(power?.capabilities ?? 0n, SYS_ADMIN)) ? '--user' : undefined;
  if (!all.every((power) => power?.chain.includes(owner.inode) === true)) return undefined;
  const path = door.path.replace(/^(\/proc\/[0-9]+\/ns\/)[a-z]+$/, '$1user');
  return valueOf(host.readLink(path)) === `user:[${owner.inode}]` ? `--user=${path}` : undefined;
}

/** The command that was typed, with `user` as well. */
function commandText({ pid, kinds, given }: EnterQuery, user?: string): string {
  const ways = given.flatMap(({ kind, way }) =>
    typeof way.at === 'string' && way.through.length === 0 ? [`--${kindFacts(kind).option}=${way.at}`] : [],
  );
  const bare = kinds === 'all' ? ['--all'] : kinds.map((kind) => `--${kindFacts(kind).option}`);
  const target = pid === undefined ? [] : ['-t', String(pid)];
  return ['nstool enter', ...target, ...(user === undefined ? [] : [user]), ...bare, ...ways, 'COMMAND'].join(' ');
}

/** pid_namespaces nest no deeper. Source: MAX_PID_NS_LEVEL. */
const DEEPEST = 34;

/** Only our own pid namespace and those below it can be entered. */
function notBelow(host: Host, { way }: Door): string | undefined {
  const own = ownInode(host, 'pid');
  if (own === undefined) return undefined;
  const up: NamespaceQuestion[] = [...way.through];
  for (let level = 0; level < DEEPEST; level += 1) {
    const inode = host.askNamespace(way.at, up);
    if (inode.ok && inode.value === own) return undefined;
    // The kernel shows nothing above our own: it was not met on the way.
    if (!inode.ok) return inode.gap.errno === 'EPERM' ? notADescendant : undefined;
    up.push('NS_GET_PARENT');
  }
  return undefined;
}

/** Nothing can be started in a pid namespace whose first process has ended. Known since: Linux 6.11. */
function isDead(host: Host, { joined, query }: Scene): boolean {
  const door = joined.find(({ kind }) => kind === 'pid');
  if (door === undefined || !query.fork) return false;
  const first = host.askNamespace(door.way.at, [...door.way.through, 'NS_GET_TGID_FROM_PIDNS 1']);
  return !first.ok && first.gap.errno === 'ESRCH';
}
