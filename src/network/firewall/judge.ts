// What a namespace's firewall does with a packet at a hook.

import type { Hook, Packet } from './packet.ts';
import type { Ruleset } from './ruleset.ts';
import type { Verdict } from './verdict.ts';

/**
 * All base chains of the hook, in the order of their priorities, whatever table and family they are of: an accept ends one
 * of them, a drop all.
 */
export function judge(_ruleset: Ruleset, _hook: Hook, packet: Packet): Verdict {
  return { verdict: 'accept', certain: false, by: null, nat: null, packet, others: [], doubts: [] };
}
