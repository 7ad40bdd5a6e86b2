/** A group coordinator that may have been replaced sends members to the metadata instead of ending their membership. */
import { ErrorCode } from '../protocol/error-codes.ts';
import type { GroupApis } from './context.ts';

/** Errors after which a member leaves the group. */
const FINAL: ReadonlySet<number> = new Set([ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION, ErrorCode.FENCED_INSTANCE_ID]);

/** `groups`, with NOT_COORDINATOR instead of such an error while `mayBeReplaced` returns true. */
export function guardGroups(groups: GroupApis, mayBeReplaced: () => boolean): GroupApis {
  const codeFor = (code: number): number => (FINAL.has(code) && mayBeReplaced() ? ErrorCode.NOT_COORDINATOR : code);
  const guard = <R extends { errorCode?: number | undefined }>(answer: R): R =>
    answer.errorCode === undefined ? answer : { ...answer, errorCode: codeFor(answer.errorCode) };
  return {
    joinGroup: async (request, client) => guard(await groups.joinGroup(request, client)),
    syncGroup: async (request, client) => guard(await groups.syncGroup(request, client)),
    heartbeat: async (request, client) => guard(await groups.heartbeat(request, client)),
    offsetCommit: async (request, client) => {
      const answer = await groups.offsetCommit(request, client);
      const topics = answer.topics.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((one) => ({ ...one, errorCode: codeFor(one.errorCode) })),
      }));
      return { ...answer, topics };
    },
    leaveGroup: (request, client) => groups.leaveGroup(request, client),
    offsetFetch: (request, client) => groups.offsetFetch(request, client),
    offsetDelete: (request, client) => groups.offsetDelete(request, client),
    listGroups: (request, client) => groups.listGroups(request, client),
    describeGroups: (request, client) => groups.describeGroups(request, client),
    deleteGroups: (request, client) => groups.deleteGroups(request, client),
  };
}
