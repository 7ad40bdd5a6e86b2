/** What the rows of the attention list state below their titles: which partitions are affected, and what the ISRs hold of a broker. */
import { isServed } from './cluster-state.ts';
import { numberOf, same, type Verdict } from './facts.ts';
import { rangesOf, type Statements } from './statements.ts';

interface AffectedTopic {
  topic: string;
  /** Null: each partition of the topic. */
  partitions: number[] | null;
}

export function addAttentionDetails(statements: Statements): void {
  for (const { what, why } of statements.text.attention) {
    const broker = /^Broker (\d+) is /.exec(what);
    if (broker !== null) addReplicasOf(statements, Number(broker[1]), why);
    const isAboutWrites = /refuses? acks=all writes$/.test(what);
    if (!isAboutWrites && !/ha(?:s|ve) (?:no leader|a leader that does not answer)$/.test(what)) continue;
    for (const one of affectedIn(why))
      statements.add(`${what}: ${one.topic}`, one.partitions?.join() ?? 'each partition', isAffected(statements, one, isAboutWrites));
  }
}

/** `orders 0, 3–4 of 6, pairs and single`; of many topics the first two. */
function affectedIn(why: string): AffectedTopic[] {
  const list = (/^(.+?): /.exec(why)?.[1] ?? '').replace(/ and [\d,]+ more topics$/, '');
  const places = [...list.matchAll(/([a-z_][\w-]*)(?: ([\d–, ]+) of \d+)?(?:, | and |$)/gi)];
  return places.map(([, topic = '', ranges]) => ({ topic, partitions: ranges === undefined ? null : rangesOf(ranges) }));
}

function isAffected({ facts }: Statements, { topic, partitions }: AffectedTopic, isAboutWrites: boolean): Verdict {
  if (!facts.isReadable) return null;
  const all = facts.reading.topics.get(topic);
  if (all === undefined) return 'no such topic';
  const fine = (partitions ?? [...all.keys()]).filter((index) => {
    const partition = all.get(index);
    if (partition === undefined) return true;
    const served = isServed(partition, facts.reading);
    return isAboutWrites ? !served || partition.isr.length >= (facts.setting.minInsync.get(topic) ?? 1) : served;
  });
  return fine.length === 0 ? null : `${fine.join()} ${isAboutWrites ? 'take' : 'are served, or take'} writes`;
}

function addReplicasOf(statements: Statements, broker: number, why: string): void {
  const { facts } = statements;
  const add = (pattern: RegExp, truth: number | null): void => {
    const stated = pattern.exec(why);
    // Of stopped brokers metadata says nothing any more.
    if (stated === null || facts.isAllStopped) return;
    statements.add(`broker ${broker}`, stated[0], truth === null ? 'no broker can be asked' : same(numberOf(stated[1] ?? ''), truth));
  };
  // Without "other" it leads none by the app, which knows that it has stopped; metadata may still name it as leader.
  add(
    /[Tt]he ISR of ([\d,]+) partitions?/,
    facts.count(({ isr }) => isr.includes(broker)),
  );
  add(
    /[Tt]he ISR of ([\d,]+) other partitions?/,
    facts.count(({ isr, leader }) => isr.includes(broker) && leader !== broker),
  );
  add(
    /([\d,]+) partitions? (?:is|are) under-replicated without it/,
    facts.count(({ isr, replicas, leader }) => replicas.includes(broker) && !isr.includes(broker) && leader !== broker),
  );
  if (why.includes('It has no replicas'))
    add(
      /It has no replicas()/,
      facts.count(({ replicas }) => replicas.includes(broker)),
    );
}
