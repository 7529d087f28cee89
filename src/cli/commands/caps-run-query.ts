// From the options of `caps run` to what the command is to have.

import { parseCapabilities } from '../../capabilities/expression.ts';
import { parseIab, type IabSets } from '../../capabilities/iab.ts';
import { formatMask } from '../../capabilities/mask.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import { parseCapabilityText } from '../../capabilities/text.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { groupsOf, parseGroups } from '../../kernel/text/group.ts';
import { findAccount, type Account } from '../../kernel/text/passwd.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import type { CapsWish, WishedUser } from '../../launch/caps-run/wish.ts';
import { flag, optionValue, type Invocation } from '../define-command.ts';
import { securebitsOf } from './securebits-option.ts';

/** Errors: USAGE, BAD_VALUE. */
export function capsWish(invocation: Invocation, host: Host, all: bigint): CapsWish {
  const user = optionValue(invocation, 'user');
  const securebits = optionValue(invocation, 'secbits');
  const list = (long: string): bigint | undefined => listOf(invocation, long, all);
  return {
    ...exactSets(invocation, all),
    drop: list('drop') ?? 0n,
    add: list('add') ?? 0n,
    ...(user === undefined ? {} : { user: userOf(host, user) }),
    keepCapabilities: flag(invocation, 'keep-caps'),
    noNewPrivileges: flag(invocation, 'no-new-privs'),
    ...(securebits === undefined ? {} : { securebits: securebitsOf(securebits) }),
  };
}

function exactSets(invocation: Invocation, all: bigint): Pick<CapsWish, 'sets' | 'block'> {
  const text = optionValue(invocation, 'caps');
  const iab = optionValue(invocation, 'iab');
  const ambient = listOf(invocation, 'ambient', all);
  const bounding = listOf(invocation, 'bounding', all);
  if (iab !== undefined && (ambient !== undefined || bounding !== undefined))
    throw new NsError('USAGE', { what: '--iab says what is ambient and bounding', tryThis: 'one of them alone' });
  const said = iab === undefined ? undefined : iabOf(iab, all);
  const exact = text === undefined ? {} : textOf(text, all);
  if (said !== undefined && (exact.inheritable ?? said.inheritable) !== said.inheritable)
    throw new NsError('USAGE', {
      what: '--caps and --iab say another inheritable set',
      why: `${formatMask(exact.inheritable ?? 0n)} and ${formatMask(said.inheritable)}: both are exact`,
      tryThis: 'one of them alone, or the same set in both',
    });
  const sets = {
    ...exact,
    ...(said === undefined ? {} : { inheritable: said.inheritable, ambient: said.ambient }),
    ...(ambient === undefined ? {} : { ambient }),
    ...(bounding === undefined ? {} : { bounding }),
  };
  return { sets, block: said === undefined ? 0n : all & ~said.bounding };
}

function textOf(text: string, all: bigint): Partial<CapabilitySets> {
  const parsed = parseCapabilityText(text, all);
  if (!parsed.ok) throw badText('--caps', text, parsed.problem, 'cap_net_raw,cap_kill=eip');
  if ((parsed.sets.effective & ~parsed.sets.permitted) !== 0n)
    throw badText('--caps', text, 'a capability cannot be effective without being permitted', 'cap_net_raw=ep');
  return parsed.sets;
}

function iabOf(text: string, all: bigint): IabSets {
  const parsed = parseIab(text, all);
  if (!parsed.ok) throw badText('--iab', text, parsed.problem, '^cap_net_raw,!cap_sys_admin');
  return parsed.sets;
}

function listOf(invocation: Invocation, long: string, all: bigint): bigint | undefined {
  const text = optionValue(invocation, long);
  if (text === undefined) return undefined;
  const parsed = parseCapabilities(text, all, 'capability');
  if (parsed.ok) return parsed.mask;
  throw badText(`--${long}`, text, parsed.problem, `--${long} net_raw,kill`);
}

function badText(option: string, text: string, why: string, tryThis: string): NsError {
  return new NsError('BAD_VALUE', { what: `${option} '${text.slice(0, 60)}' cannot be read`, why, tryThis });
}

/** `NAME`, `UID`, each with `:GROUP` or `:GID`. */
function userOf(host: Host, word: string): WishedUser {
  const [, name = '', groupName] = /^([^:]*)(?::(.*))?$/s.exec(word) ?? [];
  const account = accountOf(host, name);
  const uid = account?.uid ?? idOf(name);
  if (uid === undefined) throw noSuch(word, 'user', name);
  const gid = groupName === undefined ? account?.gid : (idOf(groupName) ?? gidOf(host, groupName));
  if (gid === undefined && groupName !== undefined) throw noSuch(word, 'group', groupName);
  if (gid === undefined)
    throw new NsError('BAD_VALUE', {
      what: `uid ${uid} has no group`,
      why: 'it is not in /etc/passwd',
      tryThis: `--user ${uid}:GID`,
    });
  const groups = valueOf(host.readFile('/etc/group'));
  const isAsInPasswd = account !== undefined && groups !== undefined && groupName === undefined;
  return { uid, gid, groups: isAsInPasswd ? groupsOf(groups, account) : [] };
}

function accountOf(host: Host, name: string): Account | undefined {
  const passwd = valueOf(host.readFile('/etc/passwd'));
  return passwd === undefined ? undefined : findAccount(passwd, name);
}

function gidOf(host: Host, name: string): number | undefined {
  const groups = valueOf(host.readFile('/etc/group'));
  return groups === undefined ? undefined : parseGroups(groups).get(name);
}

/** The last one stands for no id. */
const NO_ID = 0xffff_ffff;

function idOf(word: string): number | undefined {
  const id = parseDecimal(word);
  return id === undefined || id >= NO_ID ? undefined : id;
}

function noSuch(word: string, what: string, name: string): NsError {
  const file = what === 'user' ? '/etc/passwd' : '/etc/group';
  return new NsError('BAD_VALUE', {
    what: `--user '${word.slice(0, 60)}': no such ${what}`,
    why: `'${name.slice(0, 60)}' is neither in ${file} nor an id`,
    tryThis: '--user 1000:1000',
  });
}
