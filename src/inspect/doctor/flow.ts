// The packet that is followed, and where it is to go.

export interface Flow {
  /** Absent (null): the kernel chooses it. */
  readonly source: string | null;
  readonly destination: string;
  readonly protocol: 'icmp' | 'tcp' | 'udp';
  /** Where it is to come to, or what it comes back from. Absent (null): icmp. */
  readonly port: number | null;
}
