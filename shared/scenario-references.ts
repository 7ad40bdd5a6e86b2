/** Names in a scenario that stand for something elsewhere in it: that it is there, and before it is used. */
import type * as z from 'zod';
import { parsePartition, parseTarget } from './scenario-targets.ts';
import type { ScenarioAction, ScenarioExpectation, ScenarioLoad } from './scenario-verbs.ts';

interface Named {
  topics: { name: string; replicas?: (string | number)[][] | undefined }[];
  load: ScenarioLoad[];
  steps: {
    name?: string | undefined;
    at?: number | undefined;
    after?: number | undefined;
    until?: object | undefined;
    within?: number | undefined;
    do: ScenarioAction[];
  }[];
  expect: ScenarioExpectation[];
}

type Path = (string | number)[];

export function checkReferences(scenario: Named, context: { issues: z.core.$ZodRawIssue[] }): void {
  new References(scenario, context).check();
}

class References {
  private readonly scenario: Named;
  private readonly context: { issues: z.core.$ZodRawIssue[] };
  private readonly topics: Set<string>;
  private readonly loads = new Map<string, ScenarioLoad>();
  /** Names given to faults and brokers so far. */
  private readonly faults = new Set<string>();
  private readonly brokers = new Set<string>();
  private readonly views = new Set<string>();

  constructor(scenario: Named, context: { issues: z.core.$ZodRawIssue[] }) {
    this.scenario = scenario;
    this.context = context;
    this.topics = new Set(scenario.topics.map(({ name }) => name));
  }

  check(): void {
    const { topics, load, steps, expect } = this.scenario;
    this.unique(topics, 'topics', ({ name }) => name);
    this.unique(steps, 'steps', ({ name }) => name);
    for (const [i, one] of topics.entries()) {
      for (const [p, replicas] of (one.replicas ?? []).entries()) {
        for (const [r, text] of replicas.entries()) this.target(text, ['topics', i, 'replicas', p, r]);
      }
    }
    for (const [i, one] of load.entries()) this.load(one, ['load', i]);
    const actions = steps.flatMap((step, i) => step.do.map((action, j) => ({ action, path: ['steps', i, 'do', j] as Path })));
    // A load that a step begins may be looked at by any expectation.
    for (const { action, path } of actions) if ('run' in action) this.load(action.run, [...path, 'run']);
    for (const [i, step] of steps.entries()) {
      const path: Path = ['steps', i];
      if (step.at !== undefined && step.after !== undefined) this.refuse('at and after exclude each other', [...path, 'after']);
      if (step.within !== undefined && step.until === undefined) this.refuse('within belongs to until', [...path, 'within']);
      if (step.until !== undefined) this.condition(step.until, [...path, 'until']);
      for (const [j, action] of step.do.entries()) this.action(action, [...path, 'do', j]);
    }
    const names = new Set(['start', ...steps.flatMap(({ name }) => (name === undefined ? [] : [name]))]);
    for (const [i, one] of expect.entries()) {
      const path: Path = ['expect', i];
      if ('after' in one && one.after !== undefined && !names.has(one.after))
        this.refuse(`there is no step ${one.after}`, [...path, 'after']);
      if ('lost' in one) this.loadNamed(one.lost, 'producer', [...path, 'lost']);
      else if ('duplicates' in one) this.loadNamed(one.duplicates, 'producer', [...path, 'duplicates']);
      else this.condition(one, path);
    }
  }

  private unique<T>(items: readonly T[], where: string, nameOf: (item: T) => string | undefined): void {
    const seen = new Set<string>();
    for (const [i, item] of items.entries()) {
      const name = nameOf(item);
      if (name === undefined) continue;
      if (seen.has(name)) this.refuse(`the name ${name} is there twice`, [where, i, 'name']);
      seen.add(name);
    }
  }

  private load(load: ScenarioLoad, path: Path): void {
    if (this.loads.has(load.name)) this.refuse(`a load ${load.name} is there twice`, [...path, 'name']);
    this.loads.set(load.name, load);
    if (load.kind === 'producer') this.topic(load.topic, [...path, 'topic']);
    else for (const [i, topic] of load.topics.entries()) this.topic(topic, [...path, 'topics', i]);
  }

  private action(action: ScenarioAction, path: Path): void {
    if ('fault' in action) this.fault(action, path);
    else if ('isolate' in action) {
      this.target(action.isolate, [...path, 'isolate']);
      if (action.as !== undefined) {
        this.faults.add(action.as);
        this.brokers.add(action.as);
      }
    } else if ('heal' in action) {
      if (action.heal !== 'all' && !this.faults.has(action.heal))
        this.refuse(`no fault before this is named ${action.heal}`, [...path, 'heal']);
    } else if ('start' in action) this.target(action.start, [...path, 'start']);
    else if ('pick' in action) {
      this.target(action.pick, [...path, 'pick']);
      this.brokers.add(action.as);
    } else if ('end' in action) this.loadNamed(action.end, null, [...path, 'end']);
    else if ('change' in action) this.change(action, path);
    else if ('crash' in action) this.loadNamed(action.crash, 'group', [...path, 'crash']);
    else if ('pause' in action) this.loadNamed(action.pause, 'group', [...path, 'pause']);
    else if ('resume' in action) this.loadNamed(action.resume, 'group', [...path, 'resume']);
    else if ('configure' in action) this.topic(action.configure, [...path, 'configure']);
    else if ('deleteRecords' in action) this.partition(action.deleteRecords, [...path, 'deleteRecords']);
    else if ('write' in action) this.topic(action.write, [...path, 'write']);
    else if ('elect' in action) this.partition(action.elect, [...path, 'elect']);
    else if ('read' in action) {
      this.topic(action.read, [...path, 'read']);
      this.views.add(action.view);
    }
  }

  private fault(action: Extract<ScenarioAction, { fault: object }>, path: Path): void {
    const { fault, as } = action;
    if ('node' in fault) this.target(fault.node, [...path, 'fault', 'node']);
    else for (const [i, end] of fault.between.entries()) if (end !== 'clients') this.target(end, [...path, 'fault', 'between', i]);
    if ('topic' in fault) this.topic(fault.topic, [...path, 'fault', 'topic']);
    if (as === undefined) return;
    this.faults.add(as);
    if ('node' in fault) this.brokers.add(as);
  }

  private change(action: Extract<ScenarioAction, { change: string }>, path: Path): void {
    this.loadNamed(action.change, null, [...path, 'change']);
    const kind = this.loads.get(action.change)?.kind;
    if (kind === 'group' && action.recordsPerSecond !== undefined)
      this.refuse('a group has members, no rate', [...path, 'recordsPerSecond']);
    if (kind === 'producer' && action.members !== undefined) this.refuse('a producer has a rate, no members', [...path, 'members']);
    if (action.recordsPerSecond === undefined && action.members === undefined) this.refuse('this changes nothing', path);
  }

  /** Of a condition, or of an expectation that has one in it. */
  private condition(condition: object, path: Path): void {
    for (const [key, value] of Object.entries(condition)) {
      const at = [...path, key];
      if (typeof value !== 'string' && typeof value !== 'number') continue;
      if (['leader', 'isr', 'writable', 'refused'].includes(key)) this.partition(String(value), at);
      else if (key === 'skew' || (key === 'of' && ('value' in condition || 'stored' in condition))) this.topic(String(value), at);
      else if (['lag', 'members', 'rebalances'].includes(key)) this.loadNamed(String(value), 'group', at);
      else if (key === 'counter') this.loadNamed(String(value).slice(0, String(value).lastIndexOf('.')), null, at);
      else if (key === 'view' && !this.views.has(String(value))) this.refuse(`nothing is read into a view ${value} before`, at);
      else if (['has', 'lacks', 'isNot', 'node'].includes(key) || (key === 'of' && !('value' in condition))) this.target(value, at);
      else if (key === 'is' && 'leader' in condition && value !== 'none') this.target(value, at);
    }
  }

  private target(text: string | number, path: Path): void {
    const parsed = parseTarget(text);
    if (parsed === null) return;
    const { base, but } = parsed;
    if ((base.kind === 'leader' || base.kind === 'follower') && !this.topics.has(base.topic))
      this.refuse(`there is no topic ${base.topic} among topics`, path);
    if (base.kind === 'coordinator' && this.loads.get(base.group)?.kind !== 'group')
      this.refuse(`there is no group ${base.group} among load`, path);
    for (const name of [...but, ...(base.kind === 'name' ? [base.name] : [])]) {
      if (name !== 'controller' && !this.brokers.has(name)) this.refuse(`no broker before this is named ${name}`, path);
    }
  }

  private topic(name: string, path: Path): void {
    if (!this.topics.has(name)) this.refuse(`there is no topic ${name} among topics`, path);
  }

  private partition(text: string, path: Path): void {
    const parsed = parsePartition(text);
    if (parsed !== null) this.topic(parsed.topic, path);
  }

  private loadNamed(name: string, kind: 'producer' | 'group' | null, path: Path): void {
    const load = this.loads.get(name);
    if (load === undefined || (kind !== null && load.kind !== kind)) this.refuse(`there is no ${kind ?? 'load'} ${name} among load`, path);
  }

  private refuse(message: string, path: Path): void {
    this.context.issues.push({ code: 'custom', message, path, input: undefined });
  }
}
