/** The statements of each page, as it makes them, with what decides each. */
import { isServed, isUnderReplicated } from './cluster-state.ts';
import { numberOf, same, sameOrUnknown, type Facts, type Verdict } from './facts.ts';
import type { Cell, PageText } from './page-text.ts';

export interface Statement {
  page: string;
  about: string;
  says: string;
  /** Null: it holds; else what holds instead. */
  verdict: Verdict;
}

type Row = ReadonlyMap<string, Cell>;

/** Collects the statements of one page. */
export class Statements {
  readonly all: Statement[] = [];
  /** Lines of the page that no rule covers: the judge passes over them. */
  readonly uncovered: string[] = [];
  readonly facts: Facts;
  private readonly page: string;
  readonly text: PageText;

  constructor(page: string, text: PageText, facts: Facts) {
    this.page = page;
    this.text = text;
    this.facts = facts;
  }

  add(about: string, says: string, verdict: Verdict): void {
    this.all.push({ page: this.page, about, says, verdict });
  }

  rows(table: string): Row[] {
    return this.text.tables.filter(({ name }) => name === table).flatMap(({ rows }) => rows);
  }

  figure(label: string): string | null {
    return this.text.figures.find((one) => one.label === label)?.text ?? null;
  }

  /** The frame that every page has. */
  frame(): void {
    const { facts, text } = this;
    for (const entry of text.navigation) {
      const brokers = /^Brokers (\d+)(?: of (\d+))?$/.exec(entry);
      if (brokers !== null) this.add('navigation', entry, same(brokers[1] ?? '', facts.serving()));
      const unserved = /^Topics ([\d,]+) not served$/.exec(entry);
      if (unserved !== null) this.add('navigation', entry, facts.isUnserved(numberOf(unserved[1] ?? '')));
      else if (entry.startsWith('Topics')) this.add('navigation', entry, noneOr(facts.unserved(), 'partitions are not served'));
      const controller = /^(?:Coordination|Quorum|Controller) (\S+)$/.exec(entry);
      if (controller !== null) this.add('navigation', entry, facts.controller(controller[1] ?? ''));
    }
    for (const phase of text.incident) this.incidentPhase('incident strip', phase);
    const banner = text.statuses.find((status) => status.includes('No broker of'));
    if (banner !== undefined) this.add('banner', banner, facts.isReadable ? `brokers ${[...facts.reading.answering].join()} answer` : null);
  }

  incidentPhase(about: string, phase: string): void {
    const { facts } = this;
    // Without a controller brokers keep the metadata that they had; what was committed last may have reached the timeline only.
    if (facts.reading.controller === null) return;
    const leaderless = /^([\d,]+) partitions? without a leader$/.exec(phase);
    if (leaderless !== null) this.add(about, phase, atMost(numberOf(leaderless[1] ?? ''), facts.unserved()));
    const under = /^([\d,]+) partitions? under-replicated$/.exec(phase);
    if (under !== null) this.add(about, phase, atMost(numberOf(under[1] ?? ''), facts.underReplicated()));
  }

  voters(text: string | null): void {
    const voters = /^(\d+)(?: of \d+ voters| of \d+, \d+ needed)$/.exec(text ?? '');
    if (voters === null) return;
    const { answering } = this.facts.reading;
    const most = answering.size + this.facts.setting.cutOff.size;
    const stated = Number(voters[1]);
    this.add('voters', text ?? '', stated >= answering.size && stated <= most ? null : `${answering.size} answer`);
  }

  topics(): void {
    const { facts } = this;
    for (const row of this.rows('Topics')) {
      const topic = row.get('Topic')?.text ?? '';
      const health = row.get('Replicas')?.text ?? '';
      this.add(topic, health, this.topicHealth(topic, health));
      const records = row.get('Records')?.text.replace('≈ ', '') ?? '';
      this.add(topic, `records ${records}`, sameOrUnknown(records, facts.records(topic)));
    }
  }

  private topicHealth(topic: string, text: string): Verdict {
    const { facts } = this;
    const stated = numberOf(text);
    if (/without a leader|not served|not answer/.test(text)) return facts.isUnserved(stated, topic);
    if (/acks=all/.test(text)) return facts.refusing(topic) === null ? 'no broker can be asked' : same(stated, facts.refusing(topic) ?? '');
    if (/under-replicated/.test(text)) return facts.isUnderReplicated(`${stated}`, topic);
    if (/stopped replica/.test(text)) return same(stated, facts.waiting(topic) ?? 'unknown');
    if (/^(?:\?|not known|unknown)/i.test(text)) return facts.isReadable ? 'brokers answer' : null;
    if (!facts.isReadable) return 'no broker can be asked';
    return noneOr(
      (facts.unserved(topic) ?? 0) + (facts.underReplicated(topic) ?? 0) + (facts.waiting(topic) ?? 0),
      'partitions are not in sync',
    );
  }

  topic(topic: string): void {
    const { facts, text } = this;
    const note = /copies, (records not known|(?:about )?([\d,]+) records?)/.exec(text.header);
    if (note !== null) this.add(topic, note[0], sameOrUnknown(note[2] ?? '?', facts.records(topic)));
    for (const tab of text.tabs) {
      const offline = /^Partitions ?([\d,]+) (?:offline|not served)$/.exec(tab);
      const under = /^Partitions ?([\d,]+) under-replicated$/.exec(tab);
      if (offline !== null) this.add('tab', tab, facts.isUnserved(numberOf(offline[1] ?? ''), topic));
      else if (under !== null) this.add('tab', tab, facts.isUnderReplicated(under[1] ?? '', topic));
      else if (/^Partitions ?\d/.test(tab)) this.add('tab', tab, noneOr(facts.unserved(topic), 'partitions are not served'));
    }
    for (const row of this.rows('Partitions')) this.partitionRow(topic, row);
  }

  private partitionRow(topic: string, row: Row): void {
    const { facts } = this;
    const index = Number(row.get('Partition')?.text);
    const about = `${topic}-${index}`;
    const cell = (column: string): string => row.get(column)?.text ?? '';
    for (const label of row.get('Replicas by broker')?.labels ?? []) {
      const replica = /^Broker (\d+) (.+)$/.exec(label);
      if (replica !== null) this.add(about, label, facts.replica(topic, index, Number(replica[1]), replica[2] ?? ''));
    }
    this.add(about, `leader ${cell('Leader')}`, facts.leader(topic, index, cell('Leader')));
    const inSync = spaced(cell('In sync'));
    this.add(about, `in sync ${inSync}`, facts.inSync(topic, index, inSync));
    this.add(about, `start ${cell('Start offset')}`, facts.offset(topic, index, 'start', cell('Start offset')));
    this.add(about, `end ${cell('End offset')}`, facts.offset(topic, index, 'end', cell('End offset')));
    const epoch = facts.partition(topic, index)?.epoch;
    if (epoch !== undefined) this.add(about, `epoch ${cell('Epoch')}`, same(cell('Epoch'), epoch));
    this.add(about, cell('State'), this.partitionState(topic, index, cell('State')));
  }

  private partitionState(topic: string, index: number, state: string): Verdict {
    const { facts } = this;
    const partition = facts.partition(topic, index);
    if (partition === undefined) return /^unknown|no leader|does not answer/.test(state) ? null : 'no broker can be asked';
    const { leader, isr } = partition;
    const served = isServed(partition, facts.reading);
    const truth = `leader ${leader} ${served ? 'answers' : 'does not answer'}, ISR ${isr.join()}`;
    const silent = /^leader (\d+) does not answer$/.exec(state);
    if (/^acks=all (?:writes wait|waits)/.test(state)) return served && facts.live(partition) < isr.length ? null : truth;
    const holds =
      silent !== null
        ? Number(silent[1]) === leader && !served
        : new Map<string, boolean>([
            ['in sync', served && !isUnderReplicated(partition) && facts.live(partition) === isr.length],
            ['under-replicated', served && isUnderReplicated(partition)],
            ['refuses acks=all writes', served && isr.length < (facts.setting.minInsync.get(topic) ?? 1)],
            ['no leader', !served && (leader === null || !facts.setting.cutOff.has(leader))],
          ]).get(state);
    return holds === true || (state.startsWith('offsets not read') && partition.end === null) ? null : truth;
  }

  consumers(topic: string): void {
    for (const title of this.text.empty) if (/^No consumer groups/.test(title)) this.add(topic, title, 'groups have committed for it');
    for (const row of this.rows('Consumer groups of this topic')) {
      const group = row.get('Group')?.text ?? '';
      const state = row.get('State')?.text ?? '';
      this.add(group, state, this.facts.groupState(group, state));
      const lag = row.get('Records')?.text ?? '';
      this.add(group, `lag ${lag}`, this.facts.lagSum([group], lag, topic));
    }
  }

  groups(): void {
    for (const title of this.text.empty) if (/^No groups? yet/.test(title)) this.add('groups', title, 'groups exist');
    for (const row of this.rows('Consumer groups')) {
      const cell = (column: string): string => row.get(column)?.text ?? '';
      const group = cell('Group');
      this.add(group, cell('State'), this.facts.groupState(group, cell('State')));
      this.add(group, `coordinator ${cell('Coordinator')}`, this.facts.coordinator(group, cell('Coordinator')));
      this.add(group, `members ${cell('Members')}`, this.facts.members(group, cell('Members')));
      this.add(group, `lag ${cell('Records behind')}`, this.facts.lagSum([group], cell('Records behind')));
    }
  }

  group(group: string): void {
    const { facts, text } = this;
    const state = /\b(Stable|Rebalancing|Empty|Dead|Unknown|Assigning|Reconciling)\b/.exec(text.header)?.[1];
    if (state !== undefined) this.add(group, state, facts.groupState(group, state));
    const coordinator = /coordinator: (broker \d+|not known|\S+)/.exec(text.header)?.[1];
    if (coordinator !== undefined) this.add(group, `coordinator ${coordinator}`, facts.coordinator(group, coordinator));
    // The groups of these tests exist all the time.
    for (const title of text.empty)
      if (/^No such group/.test(title)) this.add(group, title, 'it exists, or its coordinator cannot be asked');
    for (const row of this.rows('Assignment')) {
      const cell = (column: string): string => row.get(column)?.text ?? '';
      const name = /^(.+)-(\d+)$/.exec(cell('Partition'));
      if (name === null) continue;
      const [topic = '', index] = [name[1], Number(name[2])];
      const leader = cell('Leader');
      // The last offsets that were known are marked as such.
      const isOld = text.statuses.some((status) => /the last (?:that was )?known/.test(status));
      this.add(`${group} ${name[0]}`, `leader ${leader}`, facts.leader(topic, index, /^\d+$/.test(leader) ? `broker ${leader}` : leader));
      if (!isOld)
        this.add(`${group} ${name[0]}`, `committed ${cell('Committed')}`, facts.committed(group, topic, index, cell('Committed')));
      this.add(`${group} ${name[0]}`, `end ${cell('End offset')}`, facts.offset(topic, index, 'end', cell('End offset')));
      const lag = cell('Records behind').replace(/ ?!.*$/, '');
      this.add(`${group} ${name[0]}`, `lag ${lag}`, facts.lag(group, topic, index, lag));
    }
  }

  brokers(): void {
    const { facts } = this;
    const note = /Brokers (?:(\d+) brokers? online|(\d+) of \d+ online)/.exec(this.text.header);
    if (note !== null) this.add('header', note[0], same(note[1] ?? note[2] ?? '', facts.serving()));
    for (const row of this.rows('Brokers')) {
      const cell = (column: string): string => row.get(column)?.text ?? '';
      const id = Number(cell('Broker'));
      const state = brokerState(cell('State'));
      this.add(`broker ${id}`, state, facts.broker(id, state));
      this.add(`broker ${id}`, `role ${cell('Role')}`, this.role(id, cell('Role')));
      this.add(`broker ${id}`, `leads ${cell('Leaders')}`, facts.leads(id, cell('Leaders')));
      this.add(`broker ${id}`, `in sync ${spaced(cell('In sync'))}`, facts.inSyncOn(id, spaced(cell('In sync'))));
    }
  }

  role(id: number, role: string): Verdict {
    const { controller } = this.facts.reading;
    const says = /controller|leads/.test(role);
    // The process that runs the node knows its role, where no client can ask for it.
    if (says && controller === null && this.facts.setting.cutOff.has(id)) return null;
    return says === (controller === id) ? null : `controller ${controller}`;
  }

  broker(id: number): void {
    const { facts } = this;
    const state = brokerState(this.figure('State') ?? '');
    if (state !== '') this.add(`broker ${id}`, state, facts.broker(id, state));
    const leads = this.figure('Leaders')?.replace(' partitions', '');
    if (leads !== undefined) this.add(`broker ${id}`, `leads ${leads}`, facts.leads(id, leads));
    const inSync = this.figure('In sync');
    if (inSync !== null) this.add(`broker ${id}`, `in sync ${inSync}`, facts.inSyncOn(id, spaced(inSync)));
    for (const row of this.rows('Replicas on this broker')) {
      const cell = (column: string): string => row.get(column)?.text ?? '';
      const name = /^(.+)-(\d+)$/.exec(cell('Partition'));
      if (name === null) continue;
      const [topic = '', index] = [name[1], Number(name[2])];
      this.add(name[0], cell('Role'), facts.replica(topic, index, id, cell('Role')));
      this.add(name[0], `leader ${cell('Leader')}`, facts.leader(topic, index, cell('Leader')));
      this.add(name[0], `in sync ${cell('In sync')}`, facts.inSync(topic, index, spaced(cell('In sync'))));
      this.add(name[0], `end ${cell('End offset')}`, facts.offset(topic, index, 'end', cell('End offset')));
    }
  }

  quorum(): void {
    const controller = this.figure('Controller');
    if (controller !== null) this.add('Controller', controller, this.facts.controller(controller));
    this.voters(this.figure('Voters'));
    for (const row of this.rows('Quorum')) {
      const [id, role] = [Number(row.get('Node')?.text), row.get('Role')?.text ?? ''];
      this.add(
        `node ${id}`,
        role,
        (role === 'leader') === (this.facts.reading.controller === id) ? null : `controller ${this.facts.reading.controller}`,
      );
    }
    for (const row of this.rows('Broker sessions')) {
      const [id, state] = [Number(row.get('Broker')?.text), brokerState(row.get('State')?.text ?? '')];
      this.add(`broker ${id}`, state, this.facts.broker(id, state));
    }
  }
}

const brokerState = (text: string): string => /^(online|down|frozen|fenced|unreachable|starting|shutting down)/.exec(text)?.[1] ?? text;

/** `3of 3` is how a figure with its unit is laid out. */
const spaced = (text: string): string => text.replace(/(?<=[\d?]) ?of /, ' of ');

export const unknownOnly = (facts: Facts): Verdict => (facts.isReadable ? 'brokers answer' : null);

export const noneOr = (found: number | null, what: string): Verdict => (found === null || found === 0 ? null : `${found} ${what}`);

export const atMost = (stated: number, truth: number | null): Verdict =>
  truth === null ? 'no broker can be asked' : stated > 0 && stated <= truth ? null : `${truth}`;

/** `0–2, 5`. */
export function rangesOf(list: string): number[] {
  return list.split(', ').flatMap((part) => {
    const [from = '', to = from] = part.split('–');
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i);
  });
}
