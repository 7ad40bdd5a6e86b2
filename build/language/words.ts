/** Words that the language of the project leaves out, with their replacements. CONTRIBUTING.md, "Language", has the rules. */

export interface Word {
  /** Matched without regard to case, on text in which the words of an identifier are separated by spaces. */
  readonly pattern: RegExp;
  readonly instead: string;
}

export const WORDS: readonly Word[] = [
  { pattern: /\b(tell|tells|told|telling|untold|retold)\b/, instead: 'report, notify, log, answer, return, format' },
  { pattern: /\b(hear|hears|heard|hearing|unheard)\b/, instead: 'receive; last heartbeat; last seen' },
  { pattern: /\banew\b/, instead: 're-create, restart, retry, reconnect, reload' },
  {
    pattern: /\b(somebody|someone|nobody|no one|anybody|anyone|whoever|by whom)\b/,
    instead: 'the thing: the caller, the leader, no broker',
  },
  { pattern: /\b(stands?|stood|standing) still\b/, instead: 'is blocked, pauses, does not advance' },
  { pattern: /\b(gets?|got|getting|goes|went|going) on\b/, instead: 'continues, resumes, progresses' },
  { pattern: /\b(lets?|letting) go\b/, instead: 'release, close' },
  { pattern: /\bput away\b/, instead: 'close, store' },
  { pattern: /\bvouch(es|ed)?\b/, instead: 'clean-shutdown proof, confirmed' },
  { pattern: /\b(came|comes?|coming) back to life\b/, instead: 'restart, return' },
  { pattern: /\bof its own accord\b/, instead: 'by itself' },
  { pattern: /\b(what is|that is) there\b/, instead: 'what exists, the existing' },
  { pattern: /\bis there (again|still)\b/, instead: 'exists again, still exists' },
  { pattern: /\bonce more\b/, instead: 'again, retry' },
  { pattern: /\b(on|of) this desk\b|\bdesk cluster\b/, instead: 'embedded cluster' },
  { pattern: /\bmute\b/, instead: 'non-voting' },
  { pattern: /\b(past|former|previous|earlier) li(fe|ves)\b/, instead: 'previous run, process incarnation' },
  { pattern: /\b(knows?|knew) better\b/, instead: 'has newer metadata, has a higher epoch' },
  { pattern: /\bat rest\b/, instead: 'closed' },
  { pattern: /\bhangs? on\b/, instead: 'depends on, has one in-sync replica left' },
  { pattern: /\bsomewhere else\b/, instead: 'remote cluster, at another broker' },
  { pattern: /\bwho (leads|decides|is heard)\b/, instead: 'the leader, the controller' },
  { pattern: /\ba copy (short|less)\b|\bone copy\b|\bcopies (of|in sync|that)\b/, instead: 'replica, under-replicated' },
];
