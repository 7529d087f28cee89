// What somebody expects of a lab: who reaches whom, and who does not.

/** `to` and `is` are addresses, or names of nodes. */
export type LabExpectation = {
  /** As it is written: `web not port db:22`. */
  readonly text: string;
  /** The node that sends. */
  readonly from: string;
  /** The opposite is expected. */
  readonly isNot: boolean;
} & (
  | { readonly kind: 'reach'; readonly to: string }
  | { readonly kind: 'port'; readonly to: string; readonly port: number }
  /** null: whatever address. */
  | { readonly kind: 'name'; readonly name: string; readonly is: string | null }
  /** A packet of so many bytes gets there in one piece. */
  | { readonly kind: 'mtu'; readonly size: number; readonly to: string }
);
