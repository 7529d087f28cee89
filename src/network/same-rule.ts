// Is a rule that the kernel lists the one that we would make?

import { encodeExpression } from '../kernel/nftables/encode.ts';
import type { Expression } from '../kernel/nftables/expression.ts';

/** NF_NAT_RANGE_MAP_IPS and PROTO_SPECIFIED, which the kernel adds where a register is told. */
const IMPLIED = 3;

export function isSameRule(found: readonly Expression[], wanted: readonly Expression[]): boolean {
  if (found.length !== wanted.length) return false;
  try {
    return found.every((expression, at) => {
      const other = wanted[at];
      return other !== undefined && isSame(bytesOf(expression), bytesOf(other));
    });
  } catch (error) {
    // It has something that none of ours has.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** But for what was counted. */
function bytesOf(expression: Expression): Uint8Array {
  if (expression.kind === 'counter') return encodeExpression({ ...expression, packets: 0n, bytes: 0n });
  if (expression.kind !== 'nat') return encodeExpression(expression);
  return encodeExpression({ ...expression, flags: expression.flags & ~IMPLIED });
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
