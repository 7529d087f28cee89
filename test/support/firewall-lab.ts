// A router with a machine at each side (firewall-lab.py): rule sets are set up on it, and packets sent through it.

import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A frame that a machine sends by a link of its own. */
export interface Probe {
  readonly from: 'left' | 'right';
  /** `a0` leads to the router, `b0` to its bridge. */
  readonly link?: 'a0' | 'b0';
  /** At b0: for the router itself, not for the other machine. */
  readonly toBridge?: boolean;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly source: string;
  readonly destination: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly flags?: number;
  /** Of icmp: an answer. */
  readonly reply?: boolean;
}

export interface Seen {
  /** On the other side. */
  readonly arrived?: {
    readonly source: string;
    readonly destination: string;
    readonly sport: number;
    readonly dport: number;
  };
  /** In the router. */
  readonly local?: true;
  readonly rejected?: true;
}

export class FirewallLab {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private count = 0;

  private constructor(child: ChildProcess, reader: Interface) {
    this.child = child;
    this.reader = reader;
    this.lines = reader[Symbol.asyncIterator]();
  }

  static async start(): Promise<FirewallLab> {
    const script = fileURLToPath(new URL('firewall-lab.py', import.meta.url));
    const child = spawn('unshare', ['-m', '-n', 'python3', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lab = new FirewallLab(child, createInterface({ input: child.stdout }));
    if ((await lab.line()) !== 'ready') throw new Error('no firewall lab');
    return lab;
  }

  private async line(): Promise<string> {
    const next = await this.lines.next();
    if (next.done === true) throw new Error('the firewall lab has ended');
    return next.value;
  }

  private async ask(question: object): Promise<unknown> {
    this.child.stdin?.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await this.line()) as unknown;
  }

  /** The router's network namespace. */
  get door(): string {
    return `/proc/${this.child.pid}/ns/net`;
  }

  /** In the router. Throws when it fails. */
  async script(script: string): Promise<string> {
    const { status, text } = (await this.ask({ script })) as { readonly status: number; readonly text: string };
    if (status !== 0) throw new Error(`${script}: ${text}`);
    return text;
  }

  /** What became of each; of those that are expected to come to nothing, for a while. */
  async send(probes: readonly (Probe & { readonly expect: string })[]): Promise<readonly Seen[]> {
    const tagged = probes.map((probe) => {
      this.count += 1;
      return { ...probe, token: `token${this.count}.` };
    });
    return (await this.ask({ probes: tagged })) as readonly Seen[];
  }

  async end(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    this.child.kill('SIGKILL');
    this.reader.close();
    await ended;
  }
}
