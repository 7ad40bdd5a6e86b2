/** The statements of the Lab: brokers of its picture, what the cluster promises, and the balance of leaders. */
import { isServed } from './cluster-state.ts';
import { numberOf, same, type Facts, type Verdict } from './facts.ts';
import type { Statements } from './statements.ts';

export function addLabStatements(statements: Statements): void {
  const { facts, text } = statements;
  for (const label of text.drawn) {
    const card = /^Broker (\d+), ([a-z ]+)(, controller)?(?:, leads ([\d,?]+) of its ([\d,?]+) replicas?, ([\d,?]+) in sync)?/.exec(label);
    if (card === null) continue;
    const id = Number(card[1]);
    statements.add(`broker ${id}`, card[2] ?? '', facts.broker(id, card[2] ?? ''));
    statements.add(`broker ${id}`, card[3] ?? 'no controller', statements.role(id, card[3] ?? ''));
    if (card[4] === undefined) continue;
    statements.add(`broker ${id}`, `leads ${card[4]}`, facts.leads(id, card[4]));
    statements.add(`broker ${id}`, `in sync ${card[6]}`, facts.inSyncOn(id, `${card[6]} of ${card[5]}`));
  }
  for (const status of text.statuses) addBalance(statements, status);
  for (const line of new Set(text.promises)) addPromise(statements, line);
}

function addBalance(statements: Statements, status: string): void {
  const { facts } = statements;
  const displaced = facts.count(({ leader, replicas }) => leader !== replicas[0]);
  const unserved = facts.unserved();
  if (status.startsWith('Every partition is led by its preferred broker'))
    statements.add('balance', status, displaced === 0 && unserved === 0 ? null : `${displaced} are not, ${unserved} are not served`);
  const leads = /^Broker (\d+) leads ([\d,]+) of/.exec(status);
  if (leads !== null) statements.add('balance', status, facts.leads(Number(leads[1]), leads[2] ?? ''));
  const others = /^([\d,]+) partitions? (?:is|are) led by another broker/.exec(status);
  if (others !== null) statements.add('balance', status, same(others[1] ?? '', displaced ?? 'unknown'));
}

function addPromise(statements: Statements, line: string): void {
  const { facts } = statements;
  const first = numberOf(/[\d,]+/.exec(line)?.[0] ?? '');
  const lastCopy = facts.count((partition) => partition.replicas.length > 1 && facts.live(partition) === 1);
  const outOfReach = facts.count((partition) => facts.live(partition) === 0);
  const single = facts.count(({ replicas }) => replicas.length === 1) ?? 0;
  const add = (verdict: Verdict): void => statements.add('promise', line, verdict);
  if (/^No acknowledged write/.test(line))
    add(lastCopy === 0 && outOfReach === 0 ? null : `${lastCopy} have one live replica in sync, ${outOfReach} none`);
  else if (/^Acknowledged writes of (?!.*(?:unavailable|may be damaged))/.test(line) || /one in-sync replica left/.test(line))
    add(same(first, lastCopy ?? 'unknown'));
  else if (/^Acknowledged writes of .* unavailable/.test(line)) {
    const stopped = facts.setting.partitions - (facts.count((partition) => facts.live(partition) > 0) ?? 0);
    add(same(first, facts.isReadable ? (outOfReach ?? '') : facts.setting.cutOff.size === 0 ? stopped : 'unknown'));
  } else if (/^No broker answers/.test(line)) add(facts.isReadable ? 'brokers answer' : null);
  else if (/can lose one more broker/.test(line)) add(canLoseOne(facts, line.startsWith('No partition') ? 0 : first));
  else if (/no leader that answers/.test(line)) add(facts.isUnserved(first));
  else if (/refuses? acks=all writes/.test(line)) add(same(first, facts.refusing() ?? 'unknown'));
  else if (/until the ISR shrinks/.test(line)) add(same(first, facts.waiting() ?? 'unknown'));
  else if (/no elections and no metadata changes/.test(line))
    add(facts.reading.controller === null ? null : `broker ${facts.reading.controller} is controller`);
  else if (/^The quorum cannot lose another voter/.test(line)) add(same(first, running(facts)));
  else if (/ replication factor 1\.$/.test(line)) add(facts.isReadable ? same(first, single) : null);
  else if (/^Clients do not reach/.test(line)) {
    const named = [...(/^Clients do not reach broker (.+), which/.exec(line)?.[1] ?? '').matchAll(/\d+/g)].map(([id]) => Number(id));
    const leads = /leads? ([\d,]+) partitions?\.$/.exec(line)?.[1] ?? '';
    const led = facts.count(({ leader }) => leader !== null && named.includes(leader));
    add(named.some((id) => facts.answers(id)) ? 'one of them answers' : led === null ? null : same(numberOf(leads), led));
  } else if (line.includes(' · ')) for (const phase of line.replace(/\.$/, '').split(' · ')) statements.incidentPhase('incident', phase);
  // Which replica is damaged, how many incidents are open, and which settings the app has read, no client can read.
  else if (!/may be damaged|more open incidents?\.$|min\.insync\.replicas is unknown/.test(line)) statements.uncovered.push(line);
}

/** Brokers, all of them voters, that run. */
const running = ({ reading, setting }: Facts): number => reading.answering.size + setting.cutOff.size;

/** Partitions that take acks=all writes without any one of their live replicas, where a majority is left to elect another leader. */
function canLoseOne(facts: Facts, stated: number): Verdict {
  const elects = running(facts) - 1 >= Math.floor(facts.setting.brokers.length / 2) + 1;
  const count = facts.count(
    (partition, topic) =>
      elects && isServed(partition, facts.reading) && facts.live(partition) - 1 >= Math.max(1, facts.setting.minInsync.get(topic) ?? 1),
  );
  return count === null ? (stated === 0 ? null : 'no broker answers') : same(stated, count);
}
