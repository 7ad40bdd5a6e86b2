/** Answers of a cluster's reading to the kinds of statements that pages make, the same for every page. Null: the statement holds; else what does. */
import { isServed, isUnderReplicated, lagOf, type ClusterReading, type PartitionState } from './cluster-state.ts';

/** What does not change while the cluster is broken, and what was broken. */
export interface Setting {
  brokers: readonly number[];
  partitions: number;
  minInsync: ReadonlyMap<string, number>;
  /** The app starts and stops the brokers itself: it knows that they are stopped, where a client only gets no answer. */
  isSupervised: boolean;
  /** Brokers that run and that only clients do not reach. */
  cutOff: ReadonlySet<number>;
}

export type Verdict = string | null;

export class Facts {
  readonly reading: ClusterReading;
  readonly setting: Setting;

  constructor(reading: ClusterReading, setting: Setting) {
    this.reading = reading;
    this.setting = setting;
  }

  /** Some broker answers. */
  get isReadable(): boolean {
    return this.reading.answering.size > 0;
  }

  /** No broker answers, and the app knows why. */
  get isAllStopped(): boolean {
    return !this.isReadable && this.setting.isSupervised && this.setting.cutOff.size === 0;
  }

  answers(broker: number): boolean {
    return this.reading.answering.has(broker);
  }

  partition(topic: string, partition: number): PartitionState | undefined {
    return this.reading.topics.get(topic)?.get(partition);
  }

  partitions(topic?: string): PartitionState[] {
    return topic === undefined
      ? [...this.reading.topics.values()].flatMap((one) => [...one.values()])
      : [...(this.reading.topics.get(topic)?.values() ?? [])];
  }

  /** Those of the ISR that run. */
  live({ isr }: PartitionState): number {
    return isr.filter((id) => this.answers(id) || this.setting.cutOff.has(id)).length;
  }

  serving(): number {
    return [...this.reading.answering].filter((id) => this.reading.listed.has(id)).length;
  }

  /** Null where no broker answers. */
  count(fits: (partition: PartitionState, topic: string) => boolean, topic?: string): number | null {
    if (!this.isReadable) return null;
    let count = 0;
    for (const [name, partitions] of this.reading.topics) {
      if (topic !== undefined && name !== topic) continue;
      for (const partition of partitions.values()) if (fits(partition, name)) count += 1;
    }
    return count;
  }

  unserved(topic?: string): number | null {
    return this.count((partition) => !isServed(partition, this.reading), topic);
  }

  underReplicated(topic?: string): number | null {
    return this.count(isUnderReplicated, topic);
  }

  isUnderReplicated(text: string, topic?: string): Verdict {
    // Of stopped brokers none is in sync.
    if (this.isAllStopped) return numberOf(text) > 0 || text === '?' ? null : 'every broker is stopped';
    return sameOrUnknown(text, this.underReplicated(topic));
  }

  /** Served, with a replica in the ISR that has stopped. */
  waiting(topic?: string): number | null {
    return this.count((partition) => isServed(partition, this.reading) && this.live(partition) < partition.isr.length, topic);
  }

  refusing(topic?: string): number | null {
    const { minInsync } = this.setting;
    return this.count((partition, name) => isServed(partition, this.reading) && partition.isr.length < (minInsync.get(name) ?? 1), topic);
  }

  /** Of what clients cannot be served, when no broker answers: nothing is. */
  isUnserved(stated: number, topic?: string): Verdict {
    const truth = this.unserved(topic) ?? (topic === undefined ? this.setting.partitions : stated);
    return same(stated, truth);
  }

  broker(id: number, state: string): Verdict {
    const [answers, listed, cutOff] = [this.answers(id), this.reading.listed.has(id), this.setting.cutOff.has(id)];
    const truth = `broker ${id} ${answers ? 'answers' : 'does not answer'}, ${listed ? 'listed' : 'not listed'}${cutOff ? ', cut off from clients' : ''}`;
    const holds = new Map<string, boolean>([
      ['online', answers && listed],
      ['down', !answers && !cutOff],
      ['frozen', !answers && !cutOff],
      ['fenced', !listed],
      ['unreachable', !answers],
    ]).get(state);
    return holds === true ? null : truth;
  }

  replica(topic: string, index: number, broker: number, word: string): Verdict {
    const partition = this.partition(topic, index);
    const silent = !this.answers(broker);
    if (partition === undefined) {
      const holds = isUnknownWord(word) || (word === 'offline' && silent && !this.setting.cutOff.has(broker));
      return holds ? null : 'no broker can be asked';
    }
    const { leader, isr, offline } = partition;
    const truth = `leader ${leader}, ISR ${isr.join()}, offline ${offline.join()}, answering ${[...this.reading.answering].join()}`;
    const holds = isUnknownWord(word)
      ? silent
      : new Map<string, boolean>([
          ['leads', leader === broker && !silent],
          ['leader', leader === broker && !silent],
          ['in sync', isr.includes(broker) && leader !== broker],
          ['lagging', !isr.includes(broker) && !offline.includes(broker)],
          ['offline', offline.includes(broker) || (silent && !this.setting.cutOff.has(broker))],
          ['no leader yet', leader === null || !this.answers(leader)],
        ]).get(word);
    return holds === true ? null : truth;
  }

  leader(topic: string, index: number, text: string): Verdict {
    const partition = this.partition(topic, index);
    if (partition === undefined) return text === '?' || (text === 'none' && this.isAllStopped) ? null : 'no broker can be asked';
    const { leader } = partition;
    const truth = leader === null ? 'none' : `broker ${leader}`;
    if (text === truth) return null;
    return text === 'none' && leader !== null && !this.answers(leader) && !this.setting.cutOff.has(leader) ? null : truth;
  }

  /** `3 of 3`. */
  inSync(topic: string, index: number, text: string): Verdict {
    const partition = this.partition(topic, index);
    if (partition === undefined)
      return text.startsWith('?') || (text.startsWith('0 ') && this.isAllStopped) ? null : 'no broker can be asked';
    const of = (count: number): string => `${count} of ${partition.replicas.length}`;
    return text === of(partition.isr.length) || text === of(this.live(partition))
      ? null
      : `ISR ${partition.isr.join()} of ${partition.replicas.join()}`;
  }

  offset(topic: string, index: number, end: 'start' | 'end', text: string): Verdict {
    return sameOrUnknown(text, this.partition(topic, index)?.[end] ?? null);
  }

  /** Of a topic's records. */
  records(topic: string): bigint | null {
    const partitions = this.partitions(topic);
    let sum = 0n;
    for (const { start, end } of partitions) {
      if (start === null || end === null) return null;
      sum += end - start;
    }
    return partitions.length === 0 ? null : sum;
  }

  leads(broker: number, text: string): Verdict {
    const count = this.count(({ leader }) => leader === broker);
    return this.ofBroker(broker, text, count === null ? null : `${count}`, ['0']);
  }

  /** `12 of 12`: replicas of a broker in the ISR of their partitions. */
  inSyncOn(broker: number, text: string): Verdict {
    const held = this.count(({ replicas }) => replicas.includes(broker));
    const inSync = this.count(({ isr }) => isr.includes(broker));
    const stated = text.replace(/ replicas$/, '');
    return this.ofBroker(broker, stated, held === null ? null : `${inSync} of ${held}`, [`0 of ${held}`, `? of ${held}`]);
  }

  /** A broker that is known to be stopped leads nothing, and is in no ISR that counts. */
  private ofBroker(broker: number, text: string, truth: string | null, whileStopped: readonly string[]): Verdict {
    if (truth === null) return text.startsWith('?') || (/^0(?: |$)/.test(text) && this.isAllStopped) ? null : 'no broker can be asked';
    if (text === truth) return null;
    const silent = !this.answers(broker);
    if (silent && (text.startsWith('?') || (whileStopped.includes(text) && !this.setting.cutOff.has(broker)))) return null;
    return truth;
  }

  groupState(group: string, word: string): Verdict {
    const state = this.reading.groups.get(group)?.state ?? null;
    if (state === null) return word === 'Unknown' ? null : 'the coordinator cannot be asked';
    const truth = state === 'PreparingRebalance' || state === 'CompletingRebalance' ? 'Rebalancing' : state;
    return same(word, truth);
  }

  /** `broker 2`, `?`. */
  coordinator(group: string, text: string): Verdict {
    const coordinator = this.reading.groups.get(group)?.coordinator ?? null;
    if (coordinator !== null) return same(text, `broker ${coordinator}`);
    const stated = Number(/^broker (\d+)$/.exec(text)?.[1] ?? NaN);
    return text === '?' || text === 'not known' || (!Number.isNaN(stated) && !this.answers(stated))
      ? null
      : 'the coordinator cannot be asked';
  }

  members(group: string, text: string): Verdict {
    const members = this.reading.groups.get(group)?.members ?? null;
    return sameOrUnknown(text, members);
  }

  lag(group: string, topic: string, partition: number, text: string): Verdict {
    const truth = lagOf(this.reading, this.reading.groups.get(group) ?? null, topic, partition);
    return truth === 'none' ? same(text, 'never committed') : sameOrUnknown(text, truth);
  }

  committed(group: string, topic: string, partition: number, text: string): Verdict {
    const state = this.reading.groups.get(group) ?? null;
    if (state === null) return text === '?' ? null : 'the coordinator cannot be asked';
    const committed = state.committed.get(`${topic}-${partition}`);
    return committed === undefined ? same(text, '—') : sameOrUnknown(text, committed);
  }

  /** The sum over what a group has committed for, whole topics; `≥` where a part is unknown. */
  lagSum(groups: readonly string[], text: string, topic?: string): Verdict {
    let known = 0n;
    let knownParts = 0;
    let unknown = 0;
    for (const group of groups) {
      const state = this.reading.groups.get(group) ?? null;
      if (state === null) unknown += 1;
      for (const name of new Set([...(state?.committed.keys() ?? [])].map((key) => key.replace(/-\d+$/, '')))) {
        if (topic !== undefined && name !== topic) continue;
        const partitions = this.reading.topics.get(name)?.size ?? 0;
        for (let i = 0; i < partitions; i++) {
          const lag = lagOf(this.reading, state, name, i);
          if (lag === null || lag === 'none') unknown += 1;
          else {
            known += lag;
            knownParts += 1;
          }
        }
      }
    }
    const stated = text.replace(/^≥\s*/, '≥ ');
    const truth = knownParts === 0 ? '?' : `${unknown > 0 ? '≥ ' : ''}${count(known)}`;
    return same(stated, truth);
  }

  controller(text: string): Verdict {
    const { controller } = this.reading;
    if (controller === null) return text.startsWith('?') ? null : 'no quorum leader answers';
    return text.startsWith('?') || !new RegExp(`\\b(?:broker |n)${controller}\\b`).test(text) ? `broker ${controller}` : null;
  }
}

/** Of a replica: `unknown`, `unknown: its broker does not answer`. */
export const isUnknownWord = (word: string): boolean => /^(?:not known|unknown)/.test(word);

/** As the pages write numbers. */
export const count = (value: bigint | number): string => value.toLocaleString('en-US');

export const numberOf = (text: string): number => Number(text.replace(/[^\d]/g, ''));

export const same = (stated: string | number, truth: string | number): Verdict => (`${stated}` === `${truth}` ? null : `${truth}`);

/** Unknown to the app where it is unknown to every client, and only there. */
export function sameOrUnknown(text: string, truth: bigint | number | null): Verdict {
  if (truth === null) return text === '?' ? null : 'unknown to every client';
  return same(text, count(truth));
}
