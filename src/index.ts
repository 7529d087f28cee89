// The library: what `import ... from 'nstool'` gives. Everything is synchronous and returns plain data.

export { linuxHost } from './host/linux/linux-host.ts';
export { readRecordedHost } from './host/recorded/recorded-host.ts';
export type { Gap, GapReason, Host, Reading } from './kernel/host.ts';
export { NsError, type ErrorCode, type ErrorFacts } from './kernel/error.ts';
export { namespaceKinds, type NamespaceKind, type NamespaceKindFacts } from './kernel/abi/namespace-kinds.ts';
export { isComplete, type CountedGap } from './kernel/gap-tally.ts';
export { discoverNamespaces, type DiscoverOptions } from './namespaces/discover/discover.ts';
export { requireOwnProc } from './namespaces/discover/own-proc.ts';
export type { Namespace, Relation, Scan } from './namespaces/discover/scan.ts';
export type { Holder } from './namespaces/holder.ts';
export { holdersOf, isUnused, releaseCommand } from './namespaces/holders.ts';
export { namespaceRows, processRows, type Fact, type NamespaceRow } from './namespaces/rows.ts';
export { decodeMask, formatDecoded, formatMask, parseMask, type DecodedMask } from './capabilities/mask.ts';
export { kernelReport, type KernelReport } from './inspect/kernel-report.ts';
export type { Caller } from './launch/command.ts';
export { planEnter } from './launch/enter.ts';
export type { EnterQuery } from './launch/enter-query.ts';
export { encodeProgram, type Operation, type Program, type Step } from './kernel/program.ts';
