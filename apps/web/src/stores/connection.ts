import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import { api, body } from '../api/client.ts';
import { clock, span } from '../format/time.ts';
import { learnServerTime, serverNow, useNow } from '../live/now.ts';
import { type LiveEvent, LiveSocket, type SocketLike } from '../live/socket.ts';
import { useAlerts } from './alerts.ts';
import { useConfig } from './config.ts';
import { useEnrolments } from './enrolments.ts';
import { useHosts } from './hosts.ts';
import { useSamples } from './samples.ts';
import { useSessions } from './sessions.ts';

/** `down`: neither the WebSocket nor polling gets through. */
export type ConnectionState = 'connecting' | 'live' | 'caught-up' | 'reconnecting' | 'polling' | 'down';

const POLL_EVERY = 10_000;
/** A line that is down longer than this is bridged by polling. */
const POLL_AFTER = 8000;
const CAUGHT_UP_FOR = 4000;
const SESSIONS_AFTER = 500;

/** The line to the server: a WebSocket, and polling while there is none. */
export const useConnection = defineStore('connection', () => {
  const hosts = useHosts();
  const alerts = useAlerts();
  const samples = useSamples();
  const sessions = useSessions();
  const enrolments = useEnrolments();
  const config = useConfig();
  const now = useNow();

  const state = ref<ConnectionState>('connecting');
  /** When the state began, and when anything last came from the server; ms. */
  const changedAt = ref(serverNow());
  const heardAt = ref<number | null>(null);
  const lostAt = ref<number | null>(null);
  const serverVersion = ref('');
  let watched: readonly string[] = [];
  let poll: ReturnType<typeof setTimeout> | undefined;
  let asking: ReturnType<typeof setTimeout> | undefined;
  let askingSessions: ReturnType<typeof setTimeout> | undefined;
  let socket: LiveSocket | null = null;
  const returned = new Set<() => void>();

  function turn(next: ConnectionState): void {
    if (state.value === next) return;
    state.value = next;
    changedAt.value = serverNow();
  }

  /** Several changes in a moment are asked for once. */
  function enrolmentsChanged(): void {
    clearTimeout(asking);
    asking = setTimeout(() => void enrolments.load().catch(() => undefined), 100);
  }

  /** Hosts tell of theirs one after another: they are asked for once, and only where somebody looks. */
  function sessionsChanged(): void {
    if (!sessions.wanted || askingSessions !== undefined) return;
    askingSessions = setTimeout(() => {
      askingSessions = undefined;
      void sessions.refresh();
    }, SESSIONS_AFTER);
  }

  function receive({ event, data }: LiveEvent): void {
    heardAt.value = serverNow();
    if (event === 'hello') {
      serverVersion.value = data.version;
      learnServerTime(data.server_time);
    } else if (event === 'hosts_update') hosts.merge(data.hosts);
    else if (event === 'host_removed') hosts.forget(data.host);
    else if (event === 'enrolment') enrolmentsChanged();
    else if (event === 'sessions_update') sessionsChanged();
    else if (event === 'sample') samples.add(data);
    else if (event === 'alert_new' || event === 'alert_update' || event === 'alert_cleared') alerts.merge(data);
  }

  async function line(up: boolean): Promise<void> {
    clearTimeout(poll);
    if (!up) {
      lostAt.value = serverNow();
      turn('reconnecting');
      poll = setTimeout(() => void pollOnce(), POLL_AFTER);
      return;
    }
    const missed = lostAt.value !== null;
    lostAt.value = null;
    turn(missed ? 'caught-up' : 'live');
    if (!missed) return;
    setTimeout(() => state.value === 'caught-up' && turn('live'), CAUGHT_UP_FOR);
    await Promise.allSettled([hosts.load(), alerts.load(), enrolments.load(), config.load()]);
    for (const listener of returned) listener();
  }

  async function answers(): Promise<boolean> {
    try {
      await body(api.GET('/health'));
      heardAt.value = serverNow();
      return true;
    } catch {
      return false;
    }
  }

  /** One turn of polling: the same facts that the WebSocket would have brought. */
  async function pollOnce(): Promise<void> {
    try {
      await Promise.all([hosts.load(), alerts.load(), ...watched.map(pollHost)]);
      heardAt.value = serverNow();
      await Promise.allSettled([enrolments.load(), config.load(), ...(sessions.wanted ? [sessions.load()] : [])]);
      if (lostAt.value !== null) turn('polling');
    } catch {
      if (lostAt.value !== null) turn('down');
    }
    if (lostAt.value !== null) poll = setTimeout(() => void pollOnce(), POLL_EVERY);
  }

  async function pollHost(host: string): Promise<void> {
    const detail = await body(api.GET('/api/hosts/{host}', { params: { path: { host } } }));
    samples.addDetail(detail);
  }

  /** Opens the line. `open` makes the socket. */
  function start(open: () => SocketLike): void {
    if (socket !== null) return;
    lostAt.value = null;
    socket = new LiveSocket({ open, onEvent: receive, onLine: (up) => void line(up), stillThere: answers });
    socket.watch(watched);
    socket.start();
    // Also when the very first attempt fails, polling takes over.
    poll = setTimeout(() => {
      if (state.value !== 'connecting') return;
      lostAt.value = serverNow();
      void pollOnce();
    }, POLL_AFTER);
  }

  function stop(): void {
    clearTimeout(poll);
    socket?.stop();
    socket = null;
    state.value = 'connecting';
    heardAt.value = null;
  }

  /** Asks for the live samples of these hosts. */
  function watch(names: readonly string[]): void {
    watched = names;
    socket?.watch(names);
  }

  /** `listener` runs each time the line is back after a loss; returns how to take it away. */
  function onReturn(listener: () => void): () => void {
    returned.add(listener);
    return () => returned.delete(listener);
  }

  const live = computed(() => state.value === 'live' || state.value === 'caught-up' || state.value === 'connecting');
  /** Nothing new for more than 5 s after the loss: values on the page are old. */
  const stale = computed(() => !live.value && state.value !== 'polling' && now.value - (lostAt.value ?? now.value) > 5000);
  const words = computed(() => {
    const lost = lostAt.value ?? changedAt.value;
    const heard = heardAt.value === null ? '' : span((now.value - heardAt.value) / 1000);
    switch (state.value) {
      case 'connecting':
        return { text: 'Connecting', age: '' };
      case 'live':
        return { text: 'Live', age: heard };
      case 'caught-up':
        return { text: 'Caught up', age: '' };
      case 'reconnecting':
        return { text: 'Reconnecting', age: span((now.value - lost) / 1000) };
      case 'polling':
        return { text: 'Polling every 10 s', age: heard };
      case 'down':
        return { text: `Server not reached since ${clock(lost)}`, age: span((now.value - lost) / 1000) };
      default:
        return { text: '', age: '' };
    }
  });

  return { state, live, stale, words, heardAt, serverVersion, start, stop, watch, onReturn, nudge: () => socket?.nudge() };
});
