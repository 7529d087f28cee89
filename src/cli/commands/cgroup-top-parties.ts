// `cgroup top --by`: what is read of the processes of each namespace, or container, drawn, and said in lines.

import type { PartyRow } from '../../inspect/cgroup/by-look.ts';
import type { Sort } from '../../inspect/cgroup/members-by.ts';
import type { ScreenColumn } from '../../render/screen.ts';
import { columnsBy, type PartyColumn } from './cgroup-by.ts';
import { bytesCell, decimalCell, wholeCell, type TopView } from './cgroup-top-view.ts';

type Write = (row: PartyRow) => string;

function column(heading: string, width: number, spare: number, text: Write): ScreenColumn<PartyRow> {
  return { heading, width, align: 'right', spare, text };
}

function sum(one: number | null | undefined, other: number | null | undefined): number | null {
  return one == null && other == null ? null : (one ?? 0) + (other ?? 0);
}

const traffic: readonly ScreenColumn<PartyRow>[] = [
  column('RX/S', 7, 2, ({ rates }) => bytesCell(rates?.received)),
  column('TX/S', 7, 3, ({ rates }) => bytesCell(rates?.sent)),
];

const NOUNS: Readonly<Record<Sort, string>> = {
  net: 'network namespaces',
  pid: 'pid namespaces',
  user: 'user namespaces',
  container: 'containers',
};

export function partyView(sort: Sort): TopView<PartyRow> {
  const isNet = sort === 'net';
  const sizes: TopView<PartyRow>['sizes'] = {
    path: undefined,
    tasks: ({ pids }) => pids.length,
    cpu: ({ rates }) => rates?.cpu,
    memory: ({ rss }) => rss,
    io: ({ rates }) => sum(rates?.read, rates?.written),
  };
  return {
    noun: NOUNS[sort],
    columns: [
      ...(sort === 'container' ? [] : [column('NS', 10, 5, ({ ns }) => String(ns ?? '-'))]),
      column('PROCS', 5, 4, ({ pids }) => wholeCell(pids.length)),
      column('%CPU', 6, 0, ({ rates }) => decimalCell(rates === null ? null : rates.cpu * 100)),
      column('RSS', 7, 1, ({ rss }) => bytesCell(rss)),
      column('READ/S', 7, 6, ({ rates }) => bytesCell(rates?.read)),
      column('WRITE/S', 7, 7, ({ rates }) => bytesCell(rates?.written)),
      ...(isNet ? traffic : []),
      { heading: 'NAME', align: 'left', spare: -1, text: ({ name }) => name ?? '-' },
    ],
    sizes: isNet ? { ...sizes, traffic: ({ rates }) => sum(rates?.received, rates?.sent) } : sizes,
  };
}

const KEYS = ['ns', 'procs', 'cpu', 'cpu_now', 'rss', 'read_now', 'written_now', 'rx_now', 'tx_now', 'name'];

/** Of a line, of JSON or text. */
export function partyLineColumns(sort: Sort): readonly PartyColumn[] {
  const known = columnsBy(sort);
  return KEYS.flatMap((key) => known.find((each) => each.key === key) ?? []);
}
