import type { GroupRow, LagSample } from '#shared/models/cluster';
import { lagByTopic } from './view/lag-sample.ts';

/** Ten minutes at a sample a second. */
const SAMPLES = 600;
const MIN_GAP_MS = 900;

/** The last ten minutes of every group's lag, by topic. Bounded by the number of groups that exist. */
export class LagHistory {
  private readonly samples = new Map<string, LagSample[]>();

  /** Takes a sample of a group unless the last one is younger than a second; returns the sample that was taken. `at`: wall-clock ms. */
  take(group: GroupRow, at: number): LagSample | null {
    let list = this.samples.get(group.id);
    if (list === undefined) {
      list = [];
      this.samples.set(group.id, list);
    }
    // After the clock was set back, later samples are dropped so that all stay in order.
    while ((list.at(-1)?.at ?? at) > at) list.pop();
    const last = list.at(-1);
    if (last !== undefined && at - last.at < MIN_GAP_MS) return null;
    const sample: LagSample = { at, topics: lagByTopic(group) };
    list.push(sample);
    if (list.length > SAMPLES) list.splice(0, list.length - SAMPLES);
    return sample;
  }

  of(group: string): LagSample[] {
    return this.samples.get(group) ?? [];
  }

  /** Drops groups that were deleted. */
  keepOnly(groups: ReadonlySet<string>): void {
    for (const id of this.samples.keys()) if (!groups.has(id)) this.samples.delete(id);
  }
}
