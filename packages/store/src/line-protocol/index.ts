export {
  isPrecision,
  type LineError,
  type ParsedLines,
  type ParsedPoint,
  type Precision,
  parseLines,
} from '@hostwire/model/line-protocol';
export { groupPoints } from './group-points.ts';
export { type PointLine, type Refuse, serializeGroups, serializePoint } from './serialize.ts';
