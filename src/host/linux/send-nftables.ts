// A batch of changes to nftables, sent to the kernel of a network namespace: all or nothing. Source: kernel/nftables/batch.ts.

import { closeSync } from 'node:fs';
import { NETLINK_NETFILTER } from '../../kernel/abi/nftables.ts';
import { doorText } from '../../kernel/door.ts';
import type { Gap, NamespaceDoor, Reading } from '../../kernel/host.ts';
import { decodeMessages, view } from '../../kernel/netlink/message.ts';
import { decodeVerdict, encodeBatch, type BatchVerdict, type NftMessage } from '../../kernel/nftables/batch.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';
import { inNamespace } from './in-namespace.ts';
import { kernelWords, openSocket } from './netlink-socket.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
/** Also beyond net.core.wmem_max. Takes CAP_NET_ADMIN in the initial user namespace. */
const SO_SNDBUFFORCE = 32;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const ENOBUFS = 105;
/** A refusal repeats the message that it is about. */
const ANSWER_LENGTH = 256 * 1024;
/** What a socket may send at once without being asked. */
const ORDINARY_LENGTH = 64 * 1024;
const FIRST = 1;

export interface NftablesRefusal {
  /** Which of the messages. null: all of it. */
  readonly index: number | null;
  /** `text`: the kernel's own words, where it has some. */
  readonly gap: Gap;
}

export type NftablesSent =
  | { readonly ok: true }
  /** Nothing was changed. At least one. */
  | { readonly ok: false; readonly refused: readonly NftablesRefusal[] };

/**
 * In the network namespace behind the door; without one, in our own. Errors, of a message: ENOENT: what it speaks of is
 * not there; EEXIST; of the whole: EPERM without CAP_NET_ADMIN there; EOPNOTSUPP: the kernel has no nf_tables.
 */
export function sendNftables(messages: readonly NftMessage[], door?: NamespaceDoor): NftablesSent {
  if (messages.length === 0) return { ok: true };
  const what = door === undefined ? 'nftables' : `nftables ${doorText(door)}`;
  let socket = -1;
  try {
    socket = socketIn(door);
    const batch = encodeBatch(messages, FIRST);
    makeRoom(socket, batch.length);
    libc().send(socket, batch);
    return judge(what, verdictsOf(socket, messages.length), messages.length);
  } catch (error) {
    return whole(gapOfThrown(what, error));
  } finally {
    if (socket >= 0) closeSync(socket);
  }
}

function socketIn(door: NamespaceDoor | undefined): number {
  if (door === undefined) return openSocket(NETLINK_NETFILTER);
  const namespace = openDoor(door);
  try {
    return inNamespace('net', namespace, () => openSocket(NETLINK_NETFILTER));
  } finally {
    closeSync(namespace);
  }
}

/** A batch is one datagram. */
function makeRoom(socket: number, length: number): void {
  if (length <= ORDINARY_LENGTH) return;
  const size = new Uint8Array(4);
  view(size).setInt32(0, length * 2, true);
  try {
    libc().setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, size);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    libc().setsockopt(socket, SOL_SOCKET, SO_SNDBUF, size);
  }
}

/** The kernel answers within send(2): what is not there by now does not come. */
function verdictsOf(socket: number, count: number): readonly BatchVerdict[] {
  const verdicts: BatchVerdict[] = [];
  const into = new Uint8Array(ANSWER_LENGTH);
  for (;;) {
    let length: number;
    try {
      length = libc().recv(socket, into, MSG_DONTWAIT);
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      if (error.errno === EAGAIN) return verdicts;
      // More refusals than it holds: the first are enough.
      if (error.errno === ENOBUFS) continue;
      throw error;
    }
    const answers = decodeMessages(into.slice(0, length), 'nftables');
    for (const answer of answers.ok ? answers.value : []) {
      const verdict = decodeVerdict(answer, FIRST, count);
      if (verdict !== undefined) verdicts.push(verdict);
    }
  }
}

function judge(what: string, verdicts: readonly BatchVerdict[], count: number): NftablesSent {
  const refused = verdicts.filter(({ errno }) => errno !== 0);
  if (refused.length > 0)
    return {
      ok: false,
      refused: refused.flatMap(({ index, errno, answer }) => {
        const why = gapOfErrnoNumber(what, errno);
        const text = kernelWords(answer);
        return why.ok ? [] : [{ index, gap: text === null ? why.gap : { ...why.gap, text } }];
      }),
    };
  if (verdicts.some(({ index }) => index === count - 1)) return { ok: true };
  return whole({ ok: false, gap: { reason: 'malformed', what, text: 'the kernel did not answer' } });
}

function whole(refused: Reading<never>): NftablesSent {
  return refused.ok ? { ok: true } : { ok: false, refused: [{ index: null, gap: refused.gap }] };
}
