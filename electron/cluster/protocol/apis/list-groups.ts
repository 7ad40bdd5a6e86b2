import { array, defineApi, int16, int32, string } from '../schema.ts';

/** Groups this broker coordinates. v4: filter by state (KIP-518); v5: by type (KIP-848). */
export const listGroups = defineApi({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  request: {
    statesFilter: array('4+', string('4+'), { default: [] }),
    typesFilter: array('5+', string('5+'), { default: [] }),
  },
  response: {
    throttleTimeMs: int32('1+', { default: 0 }),
    errorCode: int16('0+'),
    groups: array('0+', {
      groupId: string('0+'),
      protocolType: string('0+'),
      groupState: string('4+'),
      groupType: string('5+'),
    }),
  },
});
