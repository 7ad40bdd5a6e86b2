/** Counts the responses of one round of votes (or of pre-votes, KIP-996). */
export class Tally {
  private readonly voters: number;
  private readonly granted = new Set<number>();
  private readonly refused = new Set<number>();

  /** The candidate grants its own request. */
  constructor(voters: readonly number[], self: number) {
    this.voters = voters.length;
    this.granted.add(self);
  }

  grant(voter: number): void {
    this.granted.add(voter);
  }

  /** A refusal, or no response. */
  refuse(voter: number): void {
    if (!this.granted.has(voter)) this.refused.add(voter);
  }

  get won(): boolean {
    return this.granted.size > this.voters / 2;
  }

  /** So many have refused that no majority is possible. */
  get lost(): boolean {
    return this.voters - this.refused.size <= this.voters / 2;
  }

  get granting(): readonly number[] {
    return [...this.granted].sort((a, b) => a - b);
  }
}
