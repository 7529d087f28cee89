// What a cgroup read from and wrote to each block device. Source: Documentation/admin-guide/cgroup-v2.rst, "io.stat", and
// cgroup-v1/blkio-controller.rst. v1 counts only what is written at once, not what the page cache writes later.

import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseDeviceOperations } from '../kernel/text/blkio.ts';
import { parseNestedKeyed } from '../kernel/text/nested-keyed.ts';
import { controlledBy, type Controlled, type Groups } from './groups.ts';
import { readFrom } from './read.ts';

/** With all cgroups below. */
export interface DeviceIo {
  /** As `8:0`. */
  readonly device: string;
  /** As `sda`. null: not told. */
  readonly name: string | null;
  /** Unit: bytes. */
  readonly rbytes: bigint | null;
  readonly wbytes: bigint | null;
  /** How many requests. */
  readonly rios: bigint | null;
  readonly wios: bigint | null;
}

export function readIo(host: Host, groups: Groups, gaps: GapTally): readonly DeviceIo[] {
  const v2 = controlledBy(groups, 'io');
  if (v2 !== undefined) return readV2(host, v2, gaps);
  const v1 = controlledBy(groups, 'blkio');
  return v1 === undefined ? [] : readV1(host, v1, gaps);
}

function readV2(host: Host, { group, levels: [own] }: Controlled, gaps: GapTally): readonly DeviceIo[] {
  const stat = own === undefined ? undefined : readFrom(group, own, 'io.stat', parseNestedKeyed, gaps);
  return [...(stat ?? [])].map(([device, values]) => {
    const of = (key: string): bigint | null => {
      const bound = values.get(key);
      return typeof bound === 'bigint' ? bound : null;
    };
    const numbers = { rbytes: of('rbytes'), wbytes: of('wbytes'), rios: of('rios'), wios: of('wios') };
    return { device, name: deviceName(host, device), ...numbers };
  });
}

function readV1(host: Host, { group, levels: [own] }: Controlled, gaps: GapTally): readonly DeviceIo[] {
  if (own === undefined) return [];
  const read = (name: string): ReadonlyMap<string, ReadonlyMap<string, bigint>> =>
    readFrom(group, own, `blkio.throttle.${name}_recursive`, parseDeviceOperations, gaps) ?? new Map<string, never>();
  const [bytes, requests] = [read('io_service_bytes'), read('io_serviced')];
  return [...bytes].map(([device, operations]) => ({
    device,
    name: deviceName(host, device),
    rbytes: operations.get('Read') ?? null,
    wbytes: operations.get('Write') ?? null,
    rios: requests.get(device)?.get('Read') ?? null,
    wios: requests.get(device)?.get('Write') ?? null,
  }));
}

/** The kernel's name of a block device. */
export function deviceName(host: Host, device: string): string | null {
  if (!/^\d+:\d+$/.test(device)) return null;
  return (
    valueOf(host.readLink(`/sys/dev/block/${device}`))
      ?.split('/')
      .at(-1) ?? null
  );
}
