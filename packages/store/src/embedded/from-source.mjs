// Entry of a worker thread when the workspace runs from source (tests, development): Node's --import is not applied to
// TypeScript entries of workers, so the loader is registered here first. The built package never loads this file.
import { workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
await import(workerData.entry);
