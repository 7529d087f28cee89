// Rules as iptables-nft(8) writes them, for chains that are its: it must be able to read them again, or it refuses the
// whole table. Source: iptables/nft-shared.c; include/uapi/linux/netfilter/{xt_comment.h,xt_conntrack.h}.

import { NFT_REG_1 } from '../abi/netfilter.ts';
import { view } from '../netlink/message.ts';
import type { Expression } from './expression.ts';
import { counter, verdict } from './matches.ts';

/** struct xt_comment_info. */
const COMMENT_LENGTH = 256;
/** struct xt_conntrack_mtinfo3, to a multiple of eight. */
const CONNTRACK_LENGTH = 168;
const MATCH_FLAGS_OFFSET = 146;
const STATE_MASK_OFFSET = 150;
const XT_CONNTRACK_STATE = 1;
/** ESTABLISHED, RELATED; DNAT is one of xt_conntrack's own. */
const STATES = (1 << 1) | (1 << 2) | (1 << 7);

/** `-i LINK -j ACCEPT`, `-o LINK -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`. */
export function passOn(link: string, comment: string): readonly (readonly Expression[])[] {
  return [
    [...name('iifname', link), commented(comment), counter(), verdict('accept')],
    [...name('oifname', link), ofKnown(), commented(comment), counter(), verdict('accept')],
  ];
}

/** `-i LINK -o LINK -j ACCEPT`. */
export function passWithin(link: string, comment: string): readonly Expression[] {
  return [...name('iifname', link), ...name('oifname', link), commented(comment), counter(), verdict('accept')];
}

function name(key: 'iifname' | 'oifname', link: string): readonly Expression[] {
  return [
    { kind: 'meta', dreg: NFT_REG_1, sreg: null, key },
    { kind: 'cmp', op: 'eq', sreg: NFT_REG_1, data: new TextEncoder().encode(`${link}\0`) },
  ];
}

function commented(comment: string): Expression {
  const info = new Uint8Array(COMMENT_LENGTH);
  info.set(new TextEncoder().encode(comment).subarray(0, COMMENT_LENGTH - 1));
  return { kind: 'match', name: 'comment', revision: 0, info };
}

function ofKnown(): Expression {
  const info = new Uint8Array(CONNTRACK_LENGTH);
  view(info).setUint16(MATCH_FLAGS_OFFSET, XT_CONNTRACK_STATE, true);
  view(info).setUint16(STATE_MASK_OFFSET, STATES, true);
  return { kind: 'match', name: 'conntrack', revision: 3, info };
}
