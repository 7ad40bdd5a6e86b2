/** What one type of event is: its sentence and look on the screen, and its role in incidents. */
import type { Tone } from '../models/tone.ts';
import type { EventFields } from './event-fields.ts';

/** Groups of types, by which the timeline is filtered. */
export type EventKind = 'faults' | 'coordination' | 'partitions' | 'groups' | 'topics';

/** Mark beside an event: a replica glyph, or a dot in the tone. */
export type EventMark = 'leader' | 'inSync' | 'lagging' | 'offline' | 'electing' | 'dot';

export interface EventDefinition {
  kind: EventKind;
  mark: EventMark;
  tone: Tone;
  /** One clause, without its reason. */
  describe(event: EventFields): string;
  /** `fault`: injected; begins an incident. `failure`: begins one unless a cause is recorded. Absent: begins none. */
  begins?: 'fault' | 'failure';
  /** The process of its broker is down or frozen from then on, or runs again. */
  process?: 'down' | 'frozen' | 'up';
  /** The cluster detects it when a session expires. */
  detectedBySession?: true;
  /** It takes something out of service: Learn follows the events that it caused. */
  breaks?: true;
  /** The sentence begins with the name of a client, whose case is kept. */
  startsWithName?: true;
  /** Clause of a scenario's condition; `ofBroker`: its subject is the broker. Absent: the condition names the type. */
  condition?: { text: string; ofBroker: boolean };
}
