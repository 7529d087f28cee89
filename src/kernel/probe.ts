// One packet, or a few, sent from inside a network to see whether somebody answers: what is asked, and what came of it, as
// data. Carried out by host/linux/probe.ts.

import type { DnsAnswer, DnsType } from './packets/dns.ts';
import type { NamespaceDoor } from './host.ts';

export type Probe = {
  /** The network namespace that it is sent from; null: our own. */
  readonly namespace: NamespaceDoor | null;
  /** How long to wait. Unit: milliseconds; at most 60,000. */
  readonly timeout: number;
} & ProbeQuestion;

/** Addresses are IPv4 or IPv6 ones, as people write them, without a zone. */
export type ProbeQuestion =
  /**
   * One ICMP echo. `size`: of the whole packet with its IP header, in bytes, which no router may then cut in pieces; null:
   * a small one.
   */
  | { readonly kind: 'echo'; readonly to: string; readonly size: number | null }
  /** One TCP connection, closed at once. */
  | { readonly kind: 'connect'; readonly to: string; readonly port: number }
  /** One question by UDP. `name`: without a dot at its end. */
  | {
      readonly kind: 'dns';
      readonly to: string;
      readonly port: number;
      readonly name: string;
      readonly type: DnsType;
    };

export interface ProbeAnswer {
  /**
   * answered: what was asked for came back, of DNS any answer. refused: somebody said that nobody is there (a TCP reset,
   * ICMP port unreachable). unreachable: it could not be sent, or somebody on the way said so. too big: for the way, see
   * `mtu`. timeout: nothing came back.
   */
  readonly state: 'answered' | 'refused' | 'unreachable' | 'too big' | 'timeout';
  /** Who said so: he that was asked, or a router by ICMP; null: our own kernel, or it is not told. */
  readonly from: string | null;
  /** Unit: milliseconds. null: nobody said anything. */
  readonly rtt: number | null;
  /** EHOSTUNREACH; of an ICMP message that which the kernel makes of it. null: none. */
  readonly errno: string | null;
  /** What would have been small enough, if it is told. Unit: bytes. */
  readonly mtu: number | null;
  /** What the name server said. null: it did not, or it was none that was asked. */
  readonly dns: DnsAnswer | null;
}
