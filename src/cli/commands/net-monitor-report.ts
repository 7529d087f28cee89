// What `net monitor` says: each event as a line of text, and as a line of JSON.

import type { NetworkChange } from '../../inspect/network/network-record.ts';
import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderJsonLine, type Json } from '../../render/json.ts';
import { pad } from '../../render/width.ts';
import { gapJson, gapNote } from '../gap-text.ts';

/** What is followed: our word for it, and its inode. */
export interface Followed {
  readonly word: string;
  readonly ns: bigint;
}

export type MonitorReport =
  | { readonly type: 'start'; readonly followed: readonly Followed[]; readonly gaps: readonly CountedGap[] }
  | {
      readonly type: 'name';
      readonly event: 'added' | 'removed';
      /** As it is typed. */
      readonly name: string;
      /** Absent (null): it is stale, or was removed. */
      readonly ns: bigint | null;
    }
  | { readonly type: 'network'; readonly of: Followed; readonly change: NetworkChange }
  /** More happened than could be heard; what differs is told after a look at all. `of` absent: names. */
  | { readonly type: 'overrun'; readonly of: Followed | null }
  /** Its name is gone: it is let go, as following it would keep it. */
  | { readonly type: 'unfollowed'; readonly of: Followed }
  | { readonly type: 'end'; readonly changes: number; readonly overruns: number; readonly gaps: readonly CountedGap[] };

/** One line, with its end. */
export function monitorLine(report: MonitorReport, time: Date, ndjson: boolean): string {
  if (ndjson) return renderJsonLine({ schema: 1, ...json(report), time: time.toISOString() });
  const [event, where, what] = words(report);
  const cells = [clock(time), pad(event, 8, 'left'), pad(escapeControls(where), 12, 'left'), escapeControls(what)];
  return `${cells.join('  ').trimEnd()}\n`;
}

function words(report: MonitorReport): readonly [string, string, string] {
  switch (report.type) {
    case 'start': {
      const followed = report.followed.map(({ word, ns }) => `${word} (net:[${ns}])`);
      const networks = followed.length === 0 ? [] : [`links, addresses and routes of ${followed.join(', ')}`];
      return ['start', '-', ['names', ...networks].join('; ') + report.gaps.map((one) => `; ${gapNote(one)}`).join('')];
    }
    case 'name': {
      const to = report.event === 'removed' ? '' : report.ns === null ? ' stale' : ` net:[${report.ns}]`;
      return [report.event, '-', `name ${report.name}${to}`];
    }
    case 'network':
      return [report.change.event, report.of.word, `${report.change.kind} ${changeText(report.change)}`];
    case 'overrun':
      return ['overrun', report.of?.word ?? '-', 'more happened than could be heard: what differs now follows'];
    case 'unfollowed':
      return ['end', report.of.word, 'its name is gone'];
    case 'end':
      return ['end', '-', `${report.changes} changes; ${report.overruns} overruns`];
  }
}

function changeText({ event, kind, fields, before }: NetworkChange): string {
  const name = nameText(kind, fields);
  if (event !== 'changed') return name;
  const changes = Object.entries(before).map(([key, old]) => `${key} ${shown(old)} -> ${shown(fields[key] ?? null)}`);
  return `${kind === 'link' ? String(fields['ifname']) : name}: ${changes.join(', ')}`;
}

function nameText(kind: NetworkChange['kind'], fields: NetworkChange['fields']): string {
  const text = (key: string, word = key): readonly string[] =>
    fields[key] === null ? [] : [`${word} ${String(fields[key])}`];
  switch (kind) {
    case 'link':
      return [
        `${shown(fields['ifname'] ?? null)} ${shown(fields['kind'] ?? null)} ${shown(fields['operstate'] ?? null)}`,
        ...text('mtu'),
        ...text('master'),
      ].join(' ');
    case 'address':
      return [`${shown(fields['local'] ?? null)}/${shown(fields['prefixlen'] ?? null)}`, ...text('dev')].join(' ');
    case 'route': {
      const type = fields['type'] === 'unicast' ? [] : [shown(fields['type'] ?? null)];
      const hops = fields['nexthops'] === '' ? [] : [shown(fields['nexthops'] ?? null)];
      const table = fields['table'] === TABLE_MAIN ? [] : text('table');
      return [...type, shown(fields['destination'] ?? null), ...hops, ...text('metric'), ...table].join(' ');
    }
  }
}

const TABLE_MAIN = 254;

function shown(value: string | number | boolean | null): string {
  return value === null ? '-' : String(value);
}

function json(report: MonitorReport): Readonly<Record<string, Json>> {
  switch (report.type) {
    case 'start':
      return {
        event: 'start',
        networks: report.followed.map(({ word, ns }) => ({ in: word, ns })),
        ...gapsJson(report.gaps),
      };
    case 'name':
      return { event: report.event, what: 'name', name: report.name, ns: report.ns };
    case 'network': {
      const { event, kind, fields, before } = report.change;
      const { word, ns } = report.of;
      return {
        event,
        what: kind,
        in: word,
        ns,
        [kind]: { ...fields },
        before: event === 'changed' ? { ...before } : null,
      };
    }
    case 'overrun':
      return { event: 'overrun', in: report.of?.word ?? null };
    case 'unfollowed':
      return { event: 'unfollowed', in: report.of.word, ns: report.of.ns };
    case 'end':
      return { event: 'end', changes: report.changes, overruns: report.overruns, ...gapsJson(report.gaps) };
  }
}

function gapsJson(gaps: readonly CountedGap[]): Readonly<Record<string, Json>> {
  return { complete: isComplete(gaps), gaps: gaps.map(gapJson) };
}

function clock(time: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const millis = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${millis}`;
}
