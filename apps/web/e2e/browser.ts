import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const dist = fileURLToPath(new URL('../dist/index.html', import.meta.url));

/** Chromium of the system, without anything that it would ask the network for. */
export async function launch(): Promise<Browser> {
  if (!existsSync(dist)) throw new Error('the page is not built; run: npm run build');
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface Watched {
  readonly page: Page;
  /** Console errors and uncaught exceptions. */
  readonly errors: readonly string[];
  /** Requests that left the origin. */
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/** A page of its own context that writes down what must not happen. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const foreign: string[] = [];
  const { host } = new URL(url);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    // Somebody gave this machine an address or took one away: Chromium then drops what is under way, and the page asks again.
    if (message.type() === 'error' && !message.text().includes('net::ERR_NETWORK_CHANGED'))
      errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).host !== host) foreign.push(request.url());
  });
  await page.goto(url);
  return { page, errors, foreign, close: () => context.close() };
}

/** How many px the page is wider than the window. */
export function sideways(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - window.innerWidth') as Promise<number>;
}
