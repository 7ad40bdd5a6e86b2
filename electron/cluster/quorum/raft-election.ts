/** Counts the answers to one round of votes (or of pre-votes, KIP-996). */
export class Tally {
  private readonly voters: number;
  private readonly granted = new Set<number>();
  private readonly refused = new Set<number>();

  /** The node that asks is granted by itself. */
  constructor(voters: readonly number[], self: number) {
    this.voters = voters.length;
    this.granted.add(self);
  }

  grant(voter: number): void {
    this.granted.add(voter);
  }

  /** A refusal, or no answer to be had. */
  refuse(voter: number): void {
    if (!this.granted.has(voter)) this.refused.add(voter);
  }

  get won(): boolean {
    return this.granted.size > this.voters / 2;
  }

  /** So many have refused that a majority is out of reach. */
  get lost(): boolean {
    return this.voters - this.refused.size <= this.voters / 2;
  }

  get granting(): readonly number[] {
    return [...this.granted].sort((a, b) => a - b);
  }
}
