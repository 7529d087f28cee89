// What was left behind of networks, as data.

export type LeakKind = 'name' | 'network' | 'address' | 'result' | 'rule' | 'lab';

/** A container that is no more, in a network of CNI. */
export interface LeftBy {
  readonly network: string;
  readonly container: string;
  /** Absent (null): it was not noted. */
  readonly link: string | null;
}

export interface Leak {
  /**
   * `name`: without a namespace. `network`: one that an engine named, that no process is in and only mounts keep.
   * `address`: reserved for a container that is no more. `result`: what a plugin noted of one. `rule`: of a firewall, for
   * one. `lab`: of nstool, half made.
   */
  readonly kind: LeakKind;
  readonly what: string;
  /** Whose it was. Absent: of no container of CNI. */
  readonly of?: LeftBy;
  /** Else something that could not be seen might need it, or somebody may have meant it so. */
  readonly isCertain: boolean;
  /** A sentence each. */
  readonly evidence: readonly string[];
  /** The words of the command that removes it. */
  readonly remove: readonly string[];
}
