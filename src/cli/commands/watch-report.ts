// What `watch` says: each event as data, as a line of text, and as a line of JSON.

import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import type { CgroupChange } from '../../inspect/cgroup/cgroup-watch.ts';
import type { Gap } from '../../kernel/host.ts';
import type { WatchEvent } from '../../namespaces/watch/namespace-watch.ts';
import { cellText, type Cell } from '../../render/columns.ts';
import { escapeControls } from '../../render/escape.ts';
import { cellJson, renderJsonLine, type Json } from '../../render/json.ts';
import { pad } from '../../render/width.ts';
import { gapJson, gapNote } from '../gap-text.ts';

/** Counts of a whole watch. */
export interface WatchCounts {
  appeared: number;
  gone: number;
  unsure: number;
  /** Processes that ended before they were looked at. */
  unseen: number;
  overruns: number;
}

export type Report =
  | {
      readonly type: 'start';
      /** Why the kernel does not tell; undefined: it does. */
      readonly refused: Gap | undefined;
      /** Milliseconds. */
      readonly interval: number;
      readonly namespaces: number;
      readonly gaps: readonly CountedGap[];
    }
  | { readonly type: 'change'; readonly event: WatchEvent; readonly now: number }
  | { readonly type: 'cgroup'; readonly change: CgroupChange }
  | { readonly type: 'unseen'; readonly processes: number }
  | { readonly type: 'overrun' }
  | {
      readonly type: 'end';
      readonly counts: WatchCounts;
      readonly startGaps: readonly CountedGap[];
      /** What could not be seen later. */
      readonly gaps: readonly CountedGap[];
    };

/** One line, with its end. */
export function reportLine(report: Report, time: Date, ndjson: boolean): string {
  if (ndjson) return renderJsonLine({ schema: 1, event: eventName(report), time: time.toISOString(), ...json(report) });
  const [first, ...others] = report.type === 'change' ? changeCells(report) : [sentence(report)];
  return line([clock(time), eventName(report), ...(first === undefined ? [] : [first]), ...others]);
}

/** The headings of the text. */
export function watchHeadings(): string {
  return line(['TIME', 'EVENT', 'TYPE', 'NS', 'PID', 'USER', 'LIVED', 'COMMAND']);
}

function eventName(report: Report): string {
  if (report.type === 'cgroup') return report.change.type;
  return report.type === 'change' ? report.event.type : report.type;
}

/** What is longer pushes the rest of its line to the right: what comes next is not known yet. */
const WIDTHS: readonly (readonly [number, 'left' | 'right'])[] = [
  [12, 'left'],
  [8, 'left'],
  [6, 'left'],
  [10, 'right'],
  [7, 'right'],
  [8, 'left'],
  [9, 'right'],
];

function line(cells: readonly string[]): string {
  const padded = cells.map((cell, at) => {
    const [width, align] = (at === cells.length - 1 ? undefined : WIDTHS[at]) ?? [0, 'left'];
    return pad(escapeControls(cell), width, align);
  });
  return `${padded.join('  ').trimEnd()}\n`;
}

type ChangeReport = Extract<Report, { type: 'change' }>;

function changeCells(report: ChangeReport): readonly string[] {
  const { type, ns, pid, user, command, nsfs } = report.event.row;
  // A namespace without a process is known by where it is mounted.
  const what: Cell = command ?? (nsfs.length > 0 ? nsfs : null);
  return [type, String(ns), cellText(pid), cellText(user), livedText(report), cellText(what)];
}

function livedText({ event, now }: ChangeReport): string {
  if (event.type !== 'gone') return '-';
  const seconds = ((now - event.namespace.since) / 1000).toFixed(3);
  return event.namespace.fromStart ? `>${seconds}` : seconds;
}

function sentence(report: Exclude<Report, ChangeReport>): string {
  switch (report.type) {
    case 'start':
      return [...startText(report), ...report.gaps.map(gapNote)].join('; ');
    case 'cgroup':
      return cgroupText(report.change);
    case 'unseen':
      return `${count(report.processes, 'process', 'processes')} ended before they could be looked at, and what namespaces they made`;
    case 'overrun':
      return 'the kernel told more than could be heard: what came and went just now may be missing; looked at everything';
    case 'end': {
      const { appeared, gone, unsure, unseen, overruns } = report.counts;
      const counts = [`${appeared} appeared`, `${gone} gone`, `${count(unseen, 'process', 'processes')} unseen`];
      const rare = [...(unsure > 0 ? [`${unsure} unsure`] : []), count(overruns, 'overrun', 'overruns')];
      return [...counts, ...rare, ...report.gaps.map(gapNote)].join('; ');
    }
  }
}

function cgroupText({ type, pid, name, from, to, by }: CgroupChange): string {
  switch (type) {
    case 'moved':
      return `process ${pid}: ${cellText(name)} from ${cellText(from)} to ${cellText(to)}`;
    case 'limit':
      return `process ${pid}: ${cellText(name)} from ${cellText(from)} to ${cellText(to)}${by === null ? '' : ` by ${by}`}`;
    case 'killed':
      return `for want of memory, in the cgroup of process ${pid}: ${Number(to) - Number(from)}, of ${cellText(to)} in all`;
    case 'frozen':
    case 'thawed':
    case 'ended':
      return `process ${pid}`;
  }
}

function startText({ refused, interval, namespaces }: Extract<Report, { type: 'start' }>): readonly string[] {
  const seconds = `${interval / 1000} s`;
  const source =
    refused === undefined
      ? `told by the kernel of processes, looking at everything every ${seconds}`
      : `looking every ${seconds}, what lives shorter may be missed: no process events (${refused.errno ?? refused.reason})`;
  return [count(namespaces, 'namespace', 'namespaces'), source];
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function json(report: Report): Readonly<Record<string, Json>> {
  switch (report.type) {
    case 'start':
      return {
        source: report.refused === undefined ? 'process_events' : 'polling',
        refused: report.refused === undefined ? null : (report.refused.errno ?? report.refused.reason),
        interval: report.interval / 1000,
        namespaces: report.namespaces,
        ...gapsJson(report.gaps),
      };
    case 'change':
      return changeJson(report);
    case 'cgroup': {
      const { pid, name, from, to, by } = report.change;
      return { pid, name, from: cellJson(from), to: cellJson(to), by };
    }
    case 'unseen':
      return { processes: report.processes };
    case 'overrun':
      return {};
    case 'end':
      return { ...report.counts, ...gapsJson([...report.startGaps, ...report.gaps, ...missed(report.counts)]) };
  }
}

/** What the kernel told too late or not at all. It may have been nothing: nobody knows. */
function missed({ unseen, overruns }: WatchCounts): readonly CountedGap[] {
  const gap = { reason: 'unsupported', errno: null, examples: [] } as const;
  const ended = { ...gap, subject: 'process', count: unseen, detail: 'ended before it could be looked at' };
  const unheard = { ...gap, subject: 'process event', count: null, detail: 'more was told than could be heard' };
  return [...(unseen > 0 ? [ended] : []), ...(overruns > 0 ? [unheard] : [])];
}

function gapsJson(gaps: readonly CountedGap[]): Readonly<Record<string, Json>> {
  return { complete: isComplete(gaps), gaps: gaps.map(gapJson) };
}

function changeJson({ event, now }: ChangeReport): Readonly<Record<string, Json>> {
  const { namespace, row } = event;
  const { type, ns, pid, ppid, command, uid, user, nsfs } = row;
  const isGone = event.type === 'gone';
  const seconds = Math.round(now - namespace.since) / 1000;
  return {
    type,
    ns,
    id: namespace.id ?? null,
    pid,
    ppid,
    command,
    uid,
    user,
    nsfs,
    reused: event.type === 'appeared' ? event.reused : null,
    // How long one that was there before us has lived nobody knows; how long we saw it we do.
    lived: isGone && !namespace.fromStart ? seconds : null,
    watched: isGone ? seconds : null,
  };
}

function clock(time: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const millis = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${millis}`;
}
