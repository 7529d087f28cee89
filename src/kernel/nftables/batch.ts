// A batch of changes to the firewall: all of it is done, or nothing. Each message may be refused by itself.
// Source: include/uapi/linux/netfilter/nfnetlink.h, net/netfilter/nfnetlink.c (nfnetlink_rcv_batch).

import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR } from '../abi/netlink.ts';
import { NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFPROTO_UNSPEC } from '../abi/netfilter.ts';
import { NFGENMSG_LENGTH, NFNL_SUBSYS_NFTABLES } from '../abi/nftables.ts';
import { encodeMessage, NLMSG_HEADER_LENGTH, view, type NetlinkMessage } from '../netlink/message.ts';

export interface NftMessage {
  /** NFT_MSG_*. */
  readonly type: number;
  /** NLM_F_CREATE, NLM_F_EXCL, NLM_F_APPEND, NLM_F_REPLACE: what is asked besides. */
  readonly flags: number;
  /** NFPROTO_*. */
  readonly family: number;
  /** Each whole, as encodeAttribute has it. */
  readonly attributes: readonly Uint8Array[];
}

const SEQUENCE_OFFSET = 8;

function generic(family: number, resource: number): Uint8Array {
  const header = new Uint8Array(NFGENMSG_LENGTH);
  header[0] = family;
  view(header).setUint16(2, resource, false);
  return header;
}

export function nftType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}

/** Its first part: what is asked of which family. */
export function nftHeader(family: number): Uint8Array {
  return generic(family, 0);
}

/** The message at `index` has the sequence number `first + 1 + index`; those of the frame have those around them. */
export function encodeBatch(messages: readonly NftMessage[], first: number): Uint8Array {
  const frame = (type: number): Uint8Array =>
    encodeMessage(type, NLM_F_REQUEST, [generic(NFPROTO_UNSPEC, NFNL_SUBSYS_NFTABLES)]);
  const inner = messages.map(({ type, flags, family, attributes }, index) => {
    // The last is answered in any case: when it is, all before it have been looked at.
    const ack = index === messages.length - 1 ? NLM_F_ACK : 0;
    return encodeMessage(nftType(type), NLM_F_REQUEST | ack | flags, [nftHeader(family), ...attributes]);
  });
  const parts = [frame(NFNL_MSG_BATCH_BEGIN), ...inner, frame(NFNL_MSG_BATCH_END)];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const [at, part] of parts.entries()) {
    bytes.set(part, offset);
    view(bytes).setUint32(offset + SEQUENCE_OFFSET, first + at, true);
    offset += part.length;
  }
  return bytes;
}

export interface BatchVerdict {
  /** In the batch's messages. null: the batch as a whole. */
  readonly index: number | null;
  /** 0: accepted. */
  readonly errno: number;
  readonly answer: NetlinkMessage;
}

/** Of one answer; undefined: it is none, or of another batch. */
export function decodeVerdict(answer: NetlinkMessage, first: number, count: number): BatchVerdict | undefined {
  // The errno, then the header of the message that it is about.
  if (answer.type !== NLMSG_ERROR || answer.body.length < 4 + NLMSG_HEADER_LENGTH) return undefined;
  const errno = -view(answer.body).getInt32(0, true);
  const index = view(answer.body).getUint32(4 + SEQUENCE_OFFSET, true) - first - 1;
  if (index < -1 || index > count) return undefined;
  return { index: index === -1 || index === count ? null : index, errno, answer };
}
