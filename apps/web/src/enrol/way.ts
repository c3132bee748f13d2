/** How the agent gets onto a host: as a service of it, or in a container. */
export type Way = 'agent' | 'docker';
