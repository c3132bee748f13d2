import Type from 'typebox';

type Failure = ReturnType<typeof Type.Ref<'Error'>>;

/** The error answers of a route, for its schema. */
export function failures<Status extends number>(...statuses: Status[]): Record<Status, Failure> {
  return Object.fromEntries(statuses.map((status) => [status, Type.Ref('Error')])) as Record<Status, Failure>;
}
