/** Incidents as text: what happened, how far it has recovered, and which of them a group's chart marks. */
import type { TimelineEvent } from '#shared/models/timeline';
import { eventDefinition } from '#shared/timeline/event-types';
import { escapeName } from '#shared/names';
import { isOpen, servedAgainAt, since, touchesGroup, type GroupReading, type Incident } from '#shared/incidents/incident';
import { formatClockMinutes, formatCoarse, formatCount, formatDay, formatSpan, isSameDay, plural } from '../format/numbers.ts';
import { groupPath } from '../format/addresses.ts';
import type { Tone } from '../topics/replicas.ts';
import { chainOf, describeEvent } from '../timeline/timeline.ts';

export interface IncidentPhase {
  text: string;
  tone: Tone;
}

/** `broker 3 killed`; of an observed one, what was observed. */
export const describeIncident = ({ root }: Incident): string => describeEvent(root);

/** Shown as 0.1 s; a shorter duration would be shown as 0.0 s. */
const SHORTEST_MS = 100;

/** A text about the incident as the start of a sentence: the name of a group member keeps its case. */
export const startSentence = ({ root }: Incident, text: string): string =>
  eventDefinition(root.type)?.startsWithName === true ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** Why an incident whose replicas have recovered is still open: groups that have not been stable since. */
function describeUnstable({ groups, subject, detectedAt }: Incident): string | null {
  // The group of a paused or crashed member is stable until its coordinator has noticed.
  if (detectedAt === null) return null;
  const unstable = [...groups].filter(([, stableAt]) => stableAt === null).map(([group]) => group);
  const [first] = unstable;
  if (first === undefined) return null;
  if (unstable.length > 1) return `${formatCount(unstable.length)} groups not stable yet`;
  return subject.kind === 'group' && subject.group === first ? 'not stable yet' : `group ${escapeName(first)} not stable yet`;
}

/** `2 min`, `no recorded cause`, `964 partitions under-replicated`, `failed over in 3.0 s`. `now`: wall-clock ms of what is shown. */
export function phasesOf(incident: Incident, now: number): IncidentPhase[] {
  const phases: IncidentPhase[] = [];
  const add = (text: string, tone: Tone): void => void phases.push({ text, tone });
  if (incident.cause === 'observed') add('no recorded cause', 'none');
  if (isOpen(incident)) {
    add(formatCoarse(now - incident.startedAt), 'none');
    if (incident.detectedAt === null && eventDefinition(incident.root.type)?.detectedBySession === true) add('not detected yet', 'warn');
    if (incident.leaderless > 0) add(`${plural(incident.leaderless, 'partition')} without a leader`, 'bad');
    if (incident.underReplicated > 0) add(`${plural(incident.underReplicated, 'partition')} under-replicated`, 'warn');
  }
  const { unobservedAfter } = incident;
  if (unobservedAfter !== null && incident.leaderless > 0) add(`${plural(incident.leaderless, 'partition')} without a leader then`, 'none');
  const failedOver = since(incident, incident.failedOverAt);
  // Within one poll of a remote cluster no time was measured.
  if (failedOver !== null) add(failedOver === 0 ? 'leaders have moved' : `failed over in ${formatSpan(failedOver)}`, 'none');
  const recovered = since(incident, incident.recoveredAt);
  // An incident that is open has not recovered as a whole.
  if (recovered !== null) add(`${isOpen(incident) ? 'ISRs recovered' : 'recovered'} in ${formatSpan(recovered)}`, 'ok');
  const unstable = isOpen(incident) && incident.underReplicated + incident.leaderless === 0 ? describeUnstable(incident) : null;
  if (unstable !== null) add(unstable, 'warn');
  const lasted = since(incident, incident.closedAt);
  if (lasted !== null && (recovered === null || lasted > recovered)) {
    // What has no duration that can be shown ended as it began.
    if (lasted >= SHORTEST_MS)
      add(incident.detectedAt === null ? `ended undetected after ${formatSpan(lasted)}` : `ended after ${formatSpan(lasted)}`, 'ok');
  }
  if (unobservedAfter !== null) add(`not observed after ${formatTimeOfDay(unobservedAfter, now)}`, 'none');
  return phases;
}

/** `14:02`; of another day `23 Nov 14:02`. */
export const formatTimeOfDay = (at: number, now: number): string =>
  isSameDay(at, now) ? formatClockMinutes(at) : `${formatDay(at)} ${formatClockMinutes(at)}`;

/** The phases of a whole line: of an open one how long it is open, and with the time until the cluster detected a fault. */
export function timedPhasesOf(incident: Incident, now: number): IncidentPhase[] {
  const phases = phasesOf(incident, now);
  const detected = incident.cause === 'fault' ? since(incident, incident.detectedAt) : null;
  const detection: IncidentPhase[] =
    detected === null || detected === 0 ? [] : [{ text: `detected in ${formatSpan(detected)}`, tone: 'none' }];
  if (!isOpen(incident)) return [...detection, ...phases];
  const age = formatCoarse(now - incident.startedAt);
  return [{ text: `open for ${age}`, tone: 'none' }, ...detection, ...phases.filter(({ text }) => text !== age)];
}

export const summarizeIncident = (incident: Incident, now: number): string =>
  [describeIncident(incident), ...phasesOf(incident, now).map(({ text }) => text)].join(' · ');

/** A band in a group's chart. */
export interface Outage {
  from: number;
  /** Null: it lasts. */
  until: number | null;
  label: string;
  /** Text at its end. */
  healed: string | null;
}

/** Incidents that moved or took a leader of what the group reads, or its coordinator: from their start until the group was served again. */
export function outagesOfGroup(group: GroupReading, incidents: readonly Incident[]): Outage[] {
  return incidents
    .filter((incident) => touchesGroup(incident, group))
    .map((incident) => {
      const until = servedAgainAt(incident, group);
      const { unobservedAfter } = incident;
      if (until === null && unobservedAfter !== null) return unobservedBand(incident, unobservedAfter);
      const failedOver = since(incident, incident.failedOverAt);
      const served = since(incident, until);
      const healed =
        until === null || served === null
          ? null
          : until === incident.failedOverAt && failedOver !== null
            ? `failed over in ${formatSpan(failedOver)}`
            : `group stable after ${formatSpan(served)}`;
      return { from: incident.startedAt, until, label: describeIncident(incident), healed };
    });
}

/** All incidents, for charts of the whole cluster: from their start until they were closed. */
export function outagesOfCluster(incidents: readonly Incident[]): Outage[] {
  return incidents.map((incident) => {
    if (incident.unobservedAfter !== null) return unobservedBand(incident, incident.unobservedAfter);
    const [recovered, lasted] = [since(incident, incident.recoveredAt), since(incident, incident.closedAt)];
    const healed =
      lasted === null || lasted < SHORTEST_MS
        ? null
        : recovered === null
          ? `ended after ${formatSpan(lasted)}`
          : `recovered in ${formatSpan(recovered)}`;
    return { from: incident.startedAt, until: incident.closedAt, label: describeIncident(incident), healed };
  });
}

const unobservedBand = (incident: Incident, until: number): Outage => ({
  from: incident.startedAt,
  until,
  label: describeIncident(incident),
  healed: 'not observed after this',
});

/** The page that shows what the incident is about; null: none. */
export function incidentPath(incident: Incident): string | null {
  const { subject } = incident;
  switch (subject.kind) {
    case 'broker':
      return `/brokers/${subject.broker}`;
    case 'group':
      return groupPath(subject.group);
    case 'link':
      return '/lab';
    case 'cluster':
      return '/brokers/quorum';
    case 'partitions':
      return isOpen(incident) ? '/topics?show=attention' : null;
  }
}

export interface Headline {
  /** Null: nothing broke lately, or at all. */
  incident: Incident | null;
  /** Open incidents beside it. */
  more: number;
  /** Its events, or the latest event and what led to it; oldest first. */
  events: readonly TimelineEvent[];
}

/** A closed incident stays in front this long after its last event, or until something else than a group changes. */
const NEWS_MS = 120_000;

/** What the strip shows: the newest open incident, else one that has just closed, else the latest event. Null: there is no event. */
export function headlineOf(incidents: readonly Incident[], events: readonly TimelineEvent[]): Headline | null {
  const last = events.at(-1);
  if (last === undefined) return null;
  const open = incidents.filter(isOpen);
  const incident = open.at(-1) ?? incidents.findLast((one) => isNews(one, events, last));
  if (incident === undefined) return { incident: null, more: 0, events: chainOf(last, events).events };
  const ids = new Set(incident.eventIds);
  return { incident, more: Math.max(0, open.length - 1), events: events.filter(({ id }) => ids.has(id)) };
}

function isNews({ eventIds, closedAt }: Incident, events: readonly TimelineEvent[], last: TimelineEvent): boolean {
  if (closedAt === null || last.at - closedAt > NEWS_MS) return false;
  const lastId = eventIds.at(-1) ?? 0;
  // The events by which it ended have causes of their own.
  return !events.some((event) => event.id > lastId && event.at > closedAt && event.group === undefined);
}
