// A route of a plan in the kernel's terms, as it is made and as it is taken back.

import { parseAddress } from '../../kernel/netlink/address-text.ts';
import type { NewRoute } from '../../kernel/netlink/change.ts';
import type { PlannedRoute } from '../../kernel/setting-undo.ts';

/** `ifindex`: of its link. */
export function netlinkRoute(planned: PlannedRoute, ifindex: number): NewRoute {
  const { destination: to, link, metric, table } = planned;
  const gateway = planned.gateway === null ? null : bytesOf(planned.gateway);
  const [address = '', length] = to.split('/');
  const destination = to === 'default' ? new Uint8Array(gateway?.length ?? 4) : bytesOf(address);
  const prefixLength = to === 'default' ? 0 : Number(length ?? destination.length * 8);
  return { destination, prefixLength, gateway, ifindex: link === null ? null : ifindex, metric, table };
}

function bytesOf(address: string): Uint8Array {
  return parseAddress(address) ?? new Uint8Array();
}
