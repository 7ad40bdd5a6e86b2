/** Kills, stops and freezes one broker a minute through the app's own contract, and brings it back. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../electron/cluster/lib/random.ts';
import { WebClient } from '../helpers/web-client.ts';

const DOWN_MS = 8_000;

export class Faults {
  readonly counts = { kills: 0, stops: 0, freezes: 0, errors: 0 };
  readonly errors: string[] = [];
  private readonly client: WebClient;
  private readonly everyMs: number;
  private readonly random: Random;
  private readonly stopping = new AbortController();
  private work: Promise<void> = Promise.resolve();

  private constructor(client: WebClient, everyMs: number, random: Random) {
    this.client = client;
    this.everyMs = everyMs;
    this.random = random;
  }

  /** `everyMs`: from one fault to the next. */
  static async start(web: { url: string; token: string }, everyMs: number, random: Random): Promise<Faults> {
    const faults = new Faults(await WebClient.open(web), everyMs, random);
    faults.work = faults.run();
    return faults;
  }

  /** Ends the fault that is in force. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.work;
    this.client.close();
  }

  private async run(): Promise<void> {
    for (let round = 0; await this.passes(this.everyMs - DOWN_MS); round++) {
      const node = 1 + this.random.int(3);
      try {
        await this.breakAndRepair(node, round % 4);
      } catch (error) {
        this.counts.errors++;
        if (this.errors.length < 100) this.errors.push(String(error));
      }
    }
  }

  private async breakAndRepair(node: number, kind: number): Promise<void> {
    if (kind === 1) {
      const fault = await this.client.ask('lab/inject', { fault: { type: 'freeze', node } });
      this.counts.freezes++;
      await this.passes(DOWN_MS);
      await this.client.ask('lab/heal', { id: fault.id });
      return;
    }
    await this.client.ask(kind === 3 ? 'lab/stop' : 'lab/kill', { node });
    this.counts[kind === 3 ? 'stops' : 'kills']++;
    await this.passes(DOWN_MS);
    await this.client.ask('lab/start', { node });
  }

  /** False when the run ends meanwhile. */
  private async passes(ms: number): Promise<boolean> {
    try {
      await sleep(ms, undefined, { signal: this.stopping.signal });
      return true;
    } catch {
      // Aborted: the run is over.
      return false;
    }
  }
}
