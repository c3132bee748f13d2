import { type Ref, readonly, ref } from 'vue';

let skew = 0;
const tick = ref(Date.now());

/** The server's time, in ms since the epoch: ages are counted on its clock, not on this machine's. */
export function serverNow(): number {
  return Date.now() + skew;
}

/** `serverNow`, renewed every second by one timer for the whole page. */
export function useNow(): Readonly<Ref<number>> {
  return readonly(tick);
}

/** Learns the server's clock from an answer that just arrived. Less than 2 s apart is the way of the answer, not the clock. */
export function learnServerTime(time: number): void {
  const apart = time - Date.now();
  skew = Math.abs(apart) < 2000 ? 0 : apart;
  tick.value = serverNow();
}

/** Keeps the clock going; returns how to stop it. */
export function runClock(): () => void {
  const timer = setInterval(() => {
    tick.value = serverNow();
  }, 1000);
  return () => clearInterval(timer);
}
