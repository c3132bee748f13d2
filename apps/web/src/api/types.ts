import type { paths } from '../api.gen.ts';

type Answer<P extends keyof paths> = paths[P] extends { get: { responses: { 200: { content: { 'application/json': infer Body } } } } }
  ? Body
  : never;

/** Shapes of the API, taken from its own OpenAPI document. Times are ms since the epoch; unknown is null. */
export type Health = Answer<'/health'>;
export type HostSummary = Answer<'/api/hosts'>['hosts'][number];
export type HostDetail = Answer<'/api/hosts/{host}'>;
export type Container = Answer<'/api/hosts/{host}/containers'>['containers'][number];
export type TmuxSession = Answer<'/api/sessions'>['sessions'][number];
export type Service = Answer<'/api/hosts/{host}/services'>['services'][number];
export type MomentProcesses = Answer<'/api/hosts/{host}/processes'>;
export type SeriesAnswer = Answer<'/api/series'>;
export type Catalog = Answer<'/api/catalog'>;
export type CatalogMeasurement = Catalog['measurements'][string];
export type CatalogField = CatalogMeasurement['fields'][string];
export type Alert = Answer<'/api/alerts'>['alerts'][number];
export type Session = Answer<'/api/session'>;
export type Row = HostDetail['latest'][string]['rows'][number];
export type Severity = Alert['severity'];
export type ServerState = Answer<'/api/server'>;
export type ServerProcess = ServerState['processes'][number];
export type LostSamples = Answer<'/api/hosts/{host}/gaps'>['gaps'][number];
export type ServerConfig = Answer<'/api/config'>;
export type Enrolment = Answer<'/api/enrolments'>['enrolments'][number];
/** A host that waits, or waited, to be let in. */
export type EnrolmentRequest = Answer<'/api/enrolments'>['requests'][number];
/** A code in clear, with the commands that use it. */
export type NewEnrolment = paths['/api/enrolments']['post']['responses'][200]['content']['application/json'];
export type Conflict = NonNullable<HostSummary['conflict']>;

/** A live sample of a watched host, as it arrives on the WebSocket. */
export interface LiveSample {
  readonly host: string;
  readonly tier: string;
  readonly time: number;
  /** Seconds between two samples of this tier. */
  readonly interval: number;
  readonly latest: Readonly<Record<string, readonly Row[]>>;
  readonly rates: Readonly<Record<string, readonly Row[]>>;
  readonly errors: HostSummary['errors'];
}
