/** Waits until a broken cluster is steady, then holds every page of the app against what a client of its own reads. */
import type { Page } from 'playwright-core';
import { later } from '../fault-bench.ts';
import { keyOf, type ClusterReader, type ClusterReading } from './cluster-state.ts';
import { Facts, type Setting } from './facts.ts';
import { openPage, type PageText } from './page-text.ts';
import { addLabStatements } from './lab-statements.ts';
import { addOverviewStatements } from './overview-statements.ts';
import { Statements } from './statements.ts';

const STEADY_MS = 2_500;
const MAX_UNSTEADY_MS = 45_000;
const PAUSE_MS = 500;
/** Longer than two rounds of polling. */
const SETTLE_MS = 2_000;
/** A statement is false when it does not hold in any of so many readings of its page. */
const READINGS = 3;
/** "?" where a client reads a value is late, not false, for so long: on a loaded machine answers miss the limits of a round. */
const MAX_UNKNOWN_MS = 45_000;

export interface Subjects {
  topics: readonly string[];
  groups: readonly string[];
  brokers: readonly number[];
  hasLab: boolean;
}

interface PageReader {
  path: string;
  title: string;
  read: (statements: Statements) => void;
}

export interface Outcome {
  statements: number;
  pages: number;
  /** A line each: page, subject, statement, what holds instead. */
  wrong: string[];
  /** Lines that the judge passed over. */
  uncovered: string[];
}

export class TruthRun {
  readonly reader: ClusterReader;
  private readonly page: Page;
  private readonly setting: Omit<Setting, 'cutOff' | 'isSupervised'>;
  private readonly subjects: Subjects;

  constructor(options: { reader: ClusterReader; page: Page; setting: Omit<Setting, 'cutOff' | 'isSupervised'>; subjects: Subjects }) {
    this.reader = options.reader;
    this.page = options.page;
    this.setting = options.setting;
    this.subjects = options.subjects;
  }

  /** The reading that did not change for some seconds; after the most that it may take, the last one. */
  async untilSteady(): Promise<ClusterReading> {
    const from = performance.now();
    let last = await this.reader.read();
    let since = performance.now();
    while (performance.now() - since < STEADY_MS && performance.now() - from < MAX_UNSTEADY_MS) {
      await later(PAUSE_MS);
      const next = await this.reader.read();
      if (keyOf(next) !== keyOf(last)) since = performance.now();
      last = next;
    }
    await later(SETTLE_MS);
    return last;
  }

  async judge(cutOff: ReadonlySet<number>): Promise<Outcome> {
    const setting = { ...this.setting, cutOff, isSupervised: this.subjects.hasLab };
    const outcome: Outcome = { statements: 0, pages: 0, wrong: [], uncovered: [] };
    let before = await this.untilSteady();
    for (const reader of this.pages()) {
      const from = performance.now();
      for (let reading = 1; ; reading++) {
        const [text, after] = await Promise.all([openPage(this.page, reader.path, reader.title), this.reader.read()]);
        const held = [before, after].map((reading) => judgePage(reader, text, new Facts(reading, setting)));
        before = after;
        const [first = [], second = []] = held.map(({ all }) => all);
        const wrong = second.filter(({ verdict }, i) => verdict !== null && first[i]?.verdict !== null);
        const isLate = wrong.every(({ says }) => says.includes('?')) && performance.now() - from < MAX_UNKNOWN_MS;
        if (wrong.length > 0 && (reading < READINGS || isLate)) {
          await later(SETTLE_MS);
          continue;
        }
        outcome.pages += 1;
        outcome.statements += second.length;
        outcome.uncovered.push(...(held[1]?.uncovered ?? []));
        outcome.wrong.push(...wrong.map(({ page, about, says, verdict }) => `${page}: ${about}: "${says}", but ${verdict}`));
        break;
      }
    }
    return outcome;
  }

  private pages(): PageReader[] {
    const { topics, groups, brokers, hasLab } = this.subjects;
    return [
      { path: '/overview', title: 'Overview', read: addOverviewStatements },
      { path: '/topics', title: 'Topics', read: (one) => one.topics() },
      ...topics.flatMap((topic): PageReader[] => [
        { path: `/topics/${topic}/partitions`, title: topic, read: (one) => one.topic(topic) },
        { path: `/topics/${topic}/consumers`, title: topic, read: (one) => one.consumers(topic) },
      ]),
      { path: '/groups', title: 'Consumer groups', read: (one) => one.groups() },
      ...groups.map((group): PageReader => ({ path: `/groups/${group}`, title: group, read: (one) => one.group(group) })),
      { path: '/brokers', title: 'Brokers', read: (one) => one.brokers() },
      ...brokers.map((id): PageReader => ({ path: `/brokers/${id}`, title: `Broker ${id}`, read: (one) => one.broker(id) })),
      { path: '/brokers/quorum', title: 'Quorum', read: (one) => one.quorum() },
      ...(hasLab ? [{ path: '/lab', title: 'Lab', read: addLabStatements }] : []),
    ];
  }
}

function judgePage(reader: PageReader, text: PageText, facts: Facts): Statements {
  const statements = new Statements(reader.path, text, facts);
  statements.frame();
  reader.read(statements);
  return statements;
}
