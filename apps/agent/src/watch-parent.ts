/**
 * Calls `gone` when the parent process is no more, however it ended: its IPC channel, or else this process's standard input,
 * is closed by the kernel.
 */
export function watchParent(gone: () => void): void {
  if (process.channel !== undefined && process.channel !== null) {
    process.once('disconnect', gone);
    return;
  }
  process.stdin.once('end', gone).once('error', gone).once('close', gone);
  process.stdin.resume();
}
