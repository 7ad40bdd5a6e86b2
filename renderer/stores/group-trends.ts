/** Lag of each group over the last minute of this page, for trends and sparklines. What was not read in a round leaves no point. */
import { shallowRef, watch } from 'vue';
import { addPoint, type LagPoint } from '../groups/group-risk.ts';
import { defineScopedStore } from '../scope.ts';
import { useClusterStore } from './cluster.ts';
import { useTimeTravelStore } from './time-travel.ts';

const NONE: readonly LagPoint[] = [];

export const useGroupTrendsStore = defineScopedStore('groupTrends', (scope) => {
  const cluster = useClusterStore();
  const timeTravel = useTimeTravelStore();
  const points = new Map<string, readonly LagPoint[]>();
  /** Grows with every round that was taken. */
  const round = shallowRef(0);

  function take(): void {
    // What is shown is not of now.
    if (timeTravel.at !== null) return;
    const at = cluster.scalars?.groupsAsOf ?? 0;
    if (at === 0) return;
    for (const id of points.keys()) if (!cluster.groups.has(id)) points.delete(id);
    for (const [id, row] of cluster.groups) if (row.asOf === null) points.set(id, addPoint(points.get(id) ?? NONE, row, at));
    round.value += 1;
  }

  /** Of a past time no trend is known. Computed values that read it follow each round. */
  const pointsOf = (id: string): readonly LagPoint[] => (round.value > 0 && timeTravel.at === null ? (points.get(id) ?? NONE) : NONE);

  function start(): () => void {
    const stops = [
      watch(() => cluster.scalars?.groupsAsOf, take),
      scope.listen('connection/reopened', () => {
        points.clear();
        round.value += 1;
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  return { pointsOf, start };
});
