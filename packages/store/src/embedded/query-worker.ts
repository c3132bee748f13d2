import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { execute } from '../influxql/index.ts';
import { StoreError } from '../series-store.ts';
import type { FromQueryWorker, ToQueryWorker } from './protocol.ts';
import { EmbeddedReader } from './reader.ts';

/** Answers queries, one after the other, with connections that cannot write. */
function serve(port: MessagePort, directory: string, cancelled: Int32Array): void {
  const post = (message: FromQueryWorker): void => port.postMessage(message);
  let running = 0;
  const reader = new EmbeddedReader({
    directory,
    report: (message) => post({ type: 'problem', message }),
    checkpoint: () => {
      if (Atomics.load(cancelled, 0) === running) throw new StoreError('query', 'the query was cancelled');
    },
  });
  port.on('message', ({ id, influxql, options }: ToQueryWorker) => {
    running = id;
    try {
      reader.refresh();
      post({ type: 'answer', id, response: execute(reader, influxql, options) });
    } catch (error) {
      const code = error instanceof StoreError && error.code === 'query' ? 'query' : 'unavailable';
      post({ type: 'failed', id, code, message: error instanceof Error ? error.message : String(error) });
    }
  });
  post({ type: 'ready' });
}

const data = workerData as { directory: string; cancelled: Int32Array };
if (parentPort === null) throw new Error('query-worker runs as a worker thread only');
serve(parentPort, data.directory, data.cancelled);
