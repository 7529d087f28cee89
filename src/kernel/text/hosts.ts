// /etc/hosts: names with their addresses. Source: hosts(5).

import { decodeText } from './text.ts';

export interface HostsLine {
  /** As it is written: an address, if it is right. */
  readonly address: string;
  readonly names: readonly string[];
}

export function parseHosts(bytes: Uint8Array): readonly HostsLine[] {
  return decodeText(bytes)
    .split('\n')
    .map((line) =>
      line
        .replace(/#.*$/, '')
        .split(/[ \t]+/)
        .filter(Boolean),
    )
    .flatMap(([address, ...names]) => (address === undefined || names.length === 0 ? [] : [{ address, names }]));
}
