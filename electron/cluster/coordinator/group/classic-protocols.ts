/** The protocols (assignors) that the members of a classic group support. */
import { assert } from '../../lib/assert.ts';
import type { ClassicMember, MemberProtocol } from './classic-member.ts';

/** For each protocol the number of members that support it. */
export class ProtocolSupport {
  private readonly supporters = new Map<string, number>();

  add(protocols: readonly MemberProtocol[]): void {
    this.count(protocols, 1);
  }

  remove(protocols: readonly MemberProtocol[]): void {
    this.count(protocols, -1);
  }

  /** Whether all of `members` members support the protocol. */
  isCommon(name: string, members: number): boolean {
    return (this.supporters.get(name) ?? 0) === members;
  }

  private count(protocols: readonly MemberProtocol[], by: 1 | -1): void {
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = (this.supporters.get(name) ?? 0) + by;
      if (count === 0) this.supporters.delete(name);
      else this.supporters.set(name, count);
    }
  }
}

/** The protocol that all members support and most prefer; among equals, the one preferred by the member that joined first. */
export function selectProtocol(members: ReadonlyMap<string, ClassicMember>, support: ProtocolSupport): string {
  const votes = new Map<string, number>();
  for (const { protocols } of members.values()) {
    const choice = protocols.find(({ name }) => support.isCommon(name, members.size));
    assert(choice !== undefined, 'no protocol is common to all members');
    votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let best: [name: string, count: number] | undefined;
  for (const vote of votes) if (best === undefined || vote[1] > best[1]) best = vote;
  assert(best !== undefined, 'no member votes for a protocol');
  return best[0];
}
