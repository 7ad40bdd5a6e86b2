/** What the Overview states: its sentence and figures, the attention list, the brokers' cards, the map of partitions, the groups at risk. */
import { addAttentionDetails } from './attention-statements.ts';
import { isUnknownWord, numberOf, same, sameOrUnknown, type Verdict } from './facts.ts';
import { atMost, noneOr, rangesOf, unknownOnly, type Statements } from './statements.ts';

export function addOverviewStatements(statements: Statements): void {
  const { facts, text } = statements;
  addSentence(statements, text.sentence);
  for (const figure of text.line) addFigure(statements, figure);
  for (const { what, why } of text.attention) addAttention(statements, what, why);
  addAttentionDetails(statements);
  addOmissions(statements);
  for (const card of text.brokerCards) addBrokerCard(statements, card);
  for (const label of text.drawn) addMatrixCell(statements, label);
  for (const row of statements.rows('Consumer groups by the trend of their lag')) {
    const cell = (column: string): string => row.get(column)?.text ?? '';
    statements.add(cell('Group'), cell('State'), facts.groupState(cell('Group'), cell('State')));
    statements.add(cell('Group'), `lag ${cell('Lag')}`, facts.lagSum([cell('Group')], cell('Lag')));
  }
}

/** The sentence repeats the first row of the attention list where there is one. */
function addSentence(statements: Statements, sentence: string): void {
  const { facts } = statements;
  const add = (verdict: Verdict): void => statements.add('sentence', sentence, verdict);
  const under = /^([\d,]+) partitions? under-replicated, all of them served$/.exec(sentence);
  if (sentence === 'Healthy') {
    const silent = facts.setting.brokers.length - facts.serving();
    add(facts.isReadable ? noneOr((facts.unserved() ?? 0) + (facts.underReplicated() ?? 0) + silent, 'faults') : 'no broker can be asked');
  } else if (sentence.startsWith('Unknown since')) add(unknownOnly(facts));
  else if (under !== null) add(noneOr(facts.unserved(), 'partitions are not served') ?? facts.isUnderReplicated(under[1] ?? ''));
  else addAttention(statements, sentence.replace(/ and [\d,]+ more problems?$/, ''), '');
}

function addFigure(statements: Statements, figure: string): void {
  const { facts } = statements;
  const [value = '', label] = figure.split(' ');
  const add = (verdict: Verdict): void => statements.add('figure', figure, verdict);
  if (label === 'brokers') add(same(value.split('/')[0] ?? '', facts.serving()));
  else if (label === 'controller') add(facts.controller(value === '?' ? value : `broker ${value}`));
  else if (label === 'offline') add(value === '?' ? unknownOnly(facts) : facts.isUnserved(numberOf(value)));
  else if (label === 'under-replicated') add(facts.isUnderReplicated(value));
  else if (figure.endsWith(' with a stopped replica')) add(same(numberOf(value), facts.waiting() ?? 'unknown'));
  else if (label === 'quorum' && value !== '?') statements.voters(value.replace(/\/(\d+)$/, ' of $1 voters'));
}

function addAttention(statements: Statements, what: string, why: string): void {
  const { facts } = statements;
  const add = (verdict: Verdict): void => statements.add('attention', what, verdict);
  const first = numberOf(/^[\d,]+/.exec(what)?.[0] ?? '');
  const broker = /^Broker (\d+) is (.+)$/.exec(what);
  const group = /^Group (.+) cannot be read$/.exec(what);
  if (/^No controller/.test(what)) add(facts.reading.controller === null ? null : `broker ${facts.reading.controller} is controller`);
  else if (/^[\d,]+ partitions? (?:has|have) no leader$/.test(what) || /leaders? that do(?:es)? not answer$/.test(what))
    add(atMost(first, facts.unserved() ?? facts.setting.partitions));
  else if (/refuses? acks=all writes$/.test(what)) add(same(first, facts.refusing() ?? 'unknown'));
  else if (broker !== null) add(facts.broker(Number(broker[1]), broker[2] ?? ''));
  else if (group !== null) add((facts.reading.groups.get(group[1] ?? '') ?? null) === null ? null : 'its coordinator answers');
  for (const phase of why.split(' · ')) statements.incidentPhase('attention', phase.replace(/\.? .*\.$/, ''));
  const leads = /It leads ([\d,]+) partitions?/.exec(why);
  if (broker !== null && leads !== null) statements.add('attention', why, facts.leads(Number(broker[1]), leads[1] ?? ''));
}

/** What is wrong and is not stated. */
function addOmissions(statements: Statements): void {
  const { facts, text } = statements;
  if (!facts.isReadable || text.attention.some(({ what }) => what.startsWith('and '))) return;
  const rows = text.attention.map(({ what }) => what);
  const require = (pattern: RegExp, truth: string): void =>
    statements.add('attention', rows.join(' | '), rows.some((row) => pattern.test(row)) ? null : truth);
  const unserved = facts.unserved() ?? 0;
  if (unserved > 0) require(/no leader|does not answer/, `${unserved} partitions are not served`);
  for (const broker of facts.setting.brokers)
    if (!facts.answers(broker)) require(new RegExp(`^Broker ${broker} is`), `broker ${broker} does not answer`);
}

/** `Broker 1 controller 6 of 18 leaders Replicas 18 Not in sync 2 Size 1.2 MB Disk 10 %`. */
function addBrokerCard(statements: Statements, card: string): void {
  const { facts } = statements;
  const id = Number(/^Broker (\d+)/.exec(card)?.[1]);
  const about = `card of broker ${id}`;
  const figure = (pattern: RegExp, verdict: (value: string) => Verdict): void => {
    const found = pattern.exec(card);
    if (found !== null) statements.add(about, found[0].trim(), verdict(found[1] ?? ''));
  };
  const silent = !facts.answers(id);
  const held = facts.count(({ replicas }) => replicas.includes(id));
  const notInSync = facts.count(({ replicas, isr }) => replicas.includes(id) && !isr.includes(id));
  const isController = /^Broker \d+ controller\b/.test(card);
  statements.add(about, isController ? 'controller' : 'not controller', controllerVerdict(statements, id, isController));
  figure(/^Broker \d+ (?:controller )?(down|frozen|fenced|unreachable)\b/, (state) => facts.broker(id, state));
  figure(/([\d,]+|\?)(?: of [\d,]+)? leaders?\b/, (value) => facts.leads(id, value));
  figure(/serves none of ([\d,]+) partitions?/, (value) =>
    silent
      ? sameOrUnknown(
          value,
          facts.count(({ leader }) => leader === id),
        )
      : `broker ${id} answers`,
  );
  // Of a partition whose leader has stopped, the next leader is not chosen yet.
  figure(/preferred leader of ([\d,]+) more/, (value) => {
    const movable = (isServedOnly: boolean): number | null =>
      facts.count(
        ({ replicas, isr, leader }) =>
          replicas[0] === id && leader !== null && leader !== id && isr.includes(id) && (!isServedOnly || facts.answers(leader)),
      );
    const [least, most] = [movable(true), movable(false)];
    if (least === null || most === null) return 'no broker can be asked';
    return numberOf(value) >= least && numberOf(value) <= most ? null : `${least} to ${most}`;
  });
  figure(/Replicas ([\d,]+|\?)/, (value) => (value === '?' && silent ? null : sameOrUnknown(value, held)));
  figure(/Not in sync ([\d,]+|\?)/, (value) => {
    // Of a broker that is known to have stopped, each replica is offline.
    if (silent && (value === '?' || (numberOf(value) >= (notInSync ?? 0) && numberOf(value) <= (held ?? facts.setting.partitions))))
      return null;
    return sameOrUnknown(value, notInSync);
  });
}

/** A cut-off broker may be controller where no client can ask for it; without a controller no card names one for long. */
function controllerVerdict({ facts }: Statements, id: number, isStated: boolean): Verdict {
  const { controller } = facts.reading;
  if (controller === null) return isStated && !facts.setting.cutOff.has(id) ? 'no quorum leader answers' : null;
  return isStated === (controller === id) ? null : `controller ${controller}`;
}

function addMatrixCell(statements: Statements, label: string): void {
  const cell = /^(.+) on broker (\d+): (.+)$/.exec(label);
  if (cell === null || cell[3] === 'no replica here') return;
  const { facts } = statements;
  const [topic = '', broker] = [cell[1], Number(cell[2])];
  for (const part of (cell[3] ?? '').split('; ')) {
    const split = part.lastIndexOf(': ');
    const [word, list] = [part.slice(0, split), part.slice(split + 2)];
    const many = /^([\d,]+) partitions?$/.exec(list);
    if (many === null)
      for (const index of rangesOf(list)) statements.add(`${topic}-${index} on ${broker}`, word, facts.replica(topic, index, broker, word));
    else {
      const all = [...(facts.reading.topics.get(topic)?.keys() ?? [])];
      const fitting = all.filter((index) => facts.replica(topic, index, broker, word) === null).length;
      const isUnknown = isUnknownWord(word) || word === 'offline';
      statements.add(`${topic} on ${broker}`, part, !facts.isReadable && isUnknown ? null : atMost(numberOf(many[1] ?? ''), fitting));
    }
  }
}
