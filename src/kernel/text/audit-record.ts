// What security modules say in the kernel's log of what they refused. Source: Documentation/ABI/testing/dev-kmsg,
// security/lsm_audit.c, security/apparmor/audit.c. With auditd running, records go to it and not into the log.

/** Of /dev/kmsg. */
export interface AuditRecord {
  /** The thread, in the initial pid namespace. */
  readonly tid: number;
  /** `apparmor="DENIED" operation="open" …`: hostile where it quotes names. */
  readonly text: string;
}

/** A line as `5,812,30012,-;audit: type=1400 audit(1.2:3): apparmor="DENIED" … pid=7 …`; undefined: another one. */
export function parseAuditRecord(line: string): AuditRecord | undefined {
  const [, text] = /^[^;]*;audit: type=1400 audit\([\d.:]+\): (.*)$/.exec(line) ?? [];
  if (text === undefined || !/apparmor="DENIED"|avc: {2}denied/.test(text)) return undefined;
  const tid = / pid=(\d+)/.exec(text)?.[1];
  return tid === undefined ? undefined : { tid: Number(tid), text };
}
