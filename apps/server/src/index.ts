export * from './api/enrolment-schemas.ts';
export * from './api/process-schemas.ts';
export * from './api/schemas.ts';
export { loadConfig, type ServerConfig, type ServerOptions as ServerCommandOptions } from './config/load-config.ts';
export { type RunningServer, type ServerOptions, startServer } from './server.ts';
