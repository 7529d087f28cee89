// Takes back what was set in a network namespace that others share: a route, a sysctl if it still says what we made it and nobody
// else needs it, a table of nftables if it is still marked as ours, rules by our mark.

import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Reading } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import type { NetworkUndone } from '../../kernel/network-plan.ts';
import type { NftMessage } from '../../kernel/nftables/batch.ts';
import { encodeRemoveRoute } from '../../kernel/netlink/change.ts';
import { decodeLinks, encodeLinkDump } from '../../kernel/netlink/links.ts';
import { decodeNftRules, decodeTables, encodeNftDump, type NftListed } from '../../kernel/nftables/decode-objects.ts';
import { deleteRule, deleteTable } from '../../kernel/nftables/encode.ts';
import { ruleComment } from '../../kernel/nftables/rule-comment.ts';
import {
  isSameSetting,
  type NftRulesUndo,
  type NftTableUndo,
  type RouteUndo,
  type SettingUndo,
  type SysctlUndo,
} from '../../kernel/setting-undo.ts';
import { askNetlink } from './netlink-socket.ts';
import { readSetting, writeSetting } from './network-setting.ts';
import { gapOfThrown } from './nsfs.ts';
import { netlinkRoute } from './planned-route.ts';
import { sendNftables } from './send-nftables.ts';

const OWN = '/proc/thread-self/ns/net';
const GONE: NetworkUndone = { state: 'gone', why: null };
const PLANNED: NetworkUndone = { state: 'planned', why: null };
const REMOVED: NetworkUndone = { state: 'removed', why: null };

/** `others`: the entries of the journal but that which it is of. Errors: throws what the kernel says. */
export function undoSetting(undo: SettingUndo, dryRun: boolean, others: readonly JournalEntry[]): NetworkUndone {
  const { door, network } = undo;
  let namespace: number;
  try {
    namespace = openSync(door ?? OWN, 'r');
  } catch (error) {
    // With its namespace all that was in it is gone.
    return outcome(gapOfThrown('', error));
  }
  try {
    if (fstatSync(namespace, { bigint: true }).ino !== network)
      return door === null ? { state: 'left', why: `it is in net:[${network}], and we are not` } : GONE;
    if (undo.op === 'route') return undoRoute(undo, dryRun);
    if (undo.op === 'sysctl') return undoSysctl(undo, namespace, dryRun, others);
    return undo.op === 'nft table' ? undoTable(undo, namespace, dryRun) : undoRules(undo, namespace, dryRun);
  } finally {
    closeSync(namespace);
  }
}

function outcome(reading: Reading<unknown>): NetworkUndone {
  if (reading.ok) return REMOVED;
  const { reason, errno, text } = reading.gap;
  return reason === 'gone' ? GONE : { state: 'left', why: text ?? errno ?? reason };
}

/** The kernel takes the one that is just so: to that net, by that gateway, of the protocol that we make them with. */
function undoRoute(undo: RouteUndo, dryRun: boolean): NetworkUndone {
  const where = undo.door === null ? {} : { namespace: undo.door };
  const answer = askNetlink(encodeLinkDump(undo.door ?? undefined));
  const links = answer.ok ? decodeLinks(answer.value, 'netlink') : answer;
  if (!links.ok) return outcome(links);
  const link = links.value.find(({ name }) => name === undo.link);
  // It went with its link.
  if (undo.link !== null && link === undefined) return GONE;
  if (dryRun) return PLANNED;
  return outcome(askNetlink({ ...encodeRemoveRoute(netlinkRoute(undo, link?.ifindex ?? 0)), ...where }));
}

function undoSysctl(
  undo: SysctlUndo,
  namespace: number,
  dryRun: boolean,
  others: readonly JournalEntry[],
): NetworkUndone {
  const now = readSetting(undo.key, namespace);
  if (now !== undo.value) return now === undo.previous ? GONE : { state: 'gone', why: `it says '${now}' by now` };
  if (undo.previous === undo.value) return GONE;
  const needs = others.find((entry) => entry.undo.some((each) => each.op === 'sysctl' && isSameSetting(each, undo)));
  if (needs !== undefined) return { state: 'gone', why: `${needs.id} needs it, too` };
  if (dryRun) return PLANNED;
  const meanwhile = new Map(undo.along.map(({ key }) => [key, settingNow(key, namespace)]));
  writeSetting({ key: undo.key, value: undo.previous }, namespace);
  for (const setting of undo.along) {
    const after = settingNow(setting.key, namespace);
    // What the kernel made of it only now; or what it was, unless somebody changed it since.
    if (after !== null && after !== setting.value && meanwhile.get(setting.key) !== after)
      writeSetting(setting, namespace);
  }
  return REMOVED;
}

/** null: its link is gone. */
function settingNow(key: string, namespace: number): string | null {
  try {
    return readSetting(key, namespace);
  } catch {
    return null;
  }
}

function undoTable({ family, table, mark }: NftTableUndo, namespace: number, dryRun: boolean): NetworkUndone {
  const tables = listed(namespace, 'GETTABLE', decodeTables);
  if (!tables.ok) return outcome(tables);
  const found = tables.value.find((each) => each.family === family && each.name === table);
  if (found === undefined) return GONE;
  if (found.comment !== mark) return { state: 'gone', why: 'another has its name' };
  return dryRun ? PLANNED : send([deleteTable(family, table)], namespace);
}

function undoRules({ family, table, chain, mark }: NftRulesUndo, namespace: number, dryRun: boolean): NetworkUndone {
  const rules = listed(namespace, 'GETRULE', decodeNftRules);
  if (!rules.ok) return outcome(rules);
  const ours = rules.value.filter(
    (each) => each.family === family && each.table === table && each.chain === chain && ruleComment(each) === mark,
  );
  if (ours.length === 0) return GONE;
  if (dryRun) return PLANNED;
  return send(
    ours.map(({ handle }) => deleteRule(family, table, chain, handle)),
    namespace,
  );
}

function listed<T>(
  namespace: number,
  what: NftListed,
  decode: (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>,
): Reading<readonly T[]> {
  const answer = askNetlink(encodeNftDump(what, `/proc/self/fd/${namespace}`));
  return answer.ok ? decode(answer.value, 'nftables') : answer;
}

function send(messages: readonly NftMessage[], namespace: number): NetworkUndone {
  const sent = sendNftables(messages, `/proc/self/fd/${namespace}`);
  const [first] = sent.ok ? [] : sent.refused;
  return outcome(first === undefined ? { ok: true, value: null } : { ok: false, gap: first.gap });
}
