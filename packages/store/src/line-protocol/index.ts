export { groupPoints, isPrecision, type LineError, type ParsedLines, type ParsedPoint, type Precision, parseLines } from './parse.ts';
export { type PointLine, type Refuse, serializeGroups, serializePoint } from './serialize.ts';
