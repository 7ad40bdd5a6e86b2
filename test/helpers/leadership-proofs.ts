/**
 * Answers of a leader that it surely gave while it led. An isolated or frozen leader answers as before after its successor was elected, and no
 * request to it shows that. Its offsets advance only with the acknowledgement of every in-sync replica, and its successor is one of them: an
 * advance that was read later proves the leadership at every answer before. Answers of the last leader epoch need no proof.
 */
interface Answer {
  readonly from: number;
  readonly offsets: readonly bigint[];
}

export class LeadershipProofs {
  /** By leader epoch: wall-clock ms up to which its leader surely led. */
  private readonly provenUntil = new Map<number, number>();
  /** By leader epoch and what was read. */
  private readonly last = new Map<string, Answer>();
  private latestEpoch = -1;

  noteEpoch(leaderEpoch: number): void {
    this.latestEpoch = Math.max(this.latestEpoch, leaderEpoch);
  }

  /** `subject`: what was read; its offsets are always in the same order. `from`: wall-clock ms at which the request was sent. */
  noteAnswer(leaderEpoch: number, subject: string, from: number, offsets: readonly bigint[]): void {
    this.noteEpoch(leaderEpoch);
    const key = `${leaderEpoch} ${subject}`;
    const before = this.last.get(key);
    this.last.set(key, { from, offsets });
    if (before === undefined || !offsets.some((offset, i) => offset > (before.offsets[i] ?? offset))) return;
    this.provenUntil.set(leaderEpoch, Math.max(this.provenUntil.get(leaderEpoch) ?? -Infinity, before.from));
  }

  /** For an answer whose request was sent at `from`; known only after the last answer was noted. */
  isProven(leaderEpoch: number, from: number): boolean {
    return leaderEpoch === this.latestEpoch || from <= (this.provenUntil.get(leaderEpoch) ?? -Infinity);
  }
}
