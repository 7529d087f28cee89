// The trace event skb:kfree_skb: packets that the kernel throws away, each with its reason and where. It is of the whole
// machine: neither the namespace nor the link is told. Source: include/trace/events/skb.h, include/net/dropreason-core.h.
// Since: Linux 5.17.

import { decodeText } from '../text/text.ts';

export interface DropCount {
  /** `NETFILTER_DROP`, `NO_SOCKET`, `IP_RPFILTER` ... */
  readonly reason: string;
  /** The function of the kernel: `nft_do_chain`. Absent (null): not told. */
  readonly location: string | null;
  readonly count: number;
}

export interface Drops {
  /** The most frequent first. */
  readonly counts: readonly DropCount[];
  /** More were dropped than the buffer had room for. */
  readonly lost: number;
}

/** Who asks for a route has one made up, and thrown away: no packet is lost. Source: net/ipv4/route.c, net/ipv6/route.c. */
const ANSWERS: ReadonlySet<string> = new Set(['inet_rtm_getroute', 'inet6_rtm_getroute']);

/** The file `trace` of an instance: `… kfree_skb: skbaddr=… location=nft_do_chain+0x1/0x2 [nf_tables] reason: NETFILTER_DROP`. */
export function parseDrops(bytes: Uint8Array): Drops {
  const counts = new Map<string, DropCount>();
  let lost = 0;
  for (const line of decodeText(bytes).split('\n')) {
    const [, kept, written] = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(line) ?? [];
    if (written !== undefined) lost = Number(written) - Number(kept);
    const [, text] = / kfree_skb: (.*)$/.exec(line) ?? [];
    const reason = /\breason: (\w+)/.exec(text ?? '')?.[1];
    if (text === undefined || reason === undefined) continue;
    const location = /\blocation=([\w.]+)/.exec(text)?.[1] ?? null;
    if (location !== null && ANSWERS.has(location)) continue;
    const key = `${reason} ${location}`;
    counts.set(key, { reason, location, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return { counts: [...counts.values()].toSorted((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)), lost };
}
