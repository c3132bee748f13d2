import { type ConfigMessage, type ConfigReport, contentHash, type RemoteConfig } from '@hostwire/model';
import { configCheck } from '@hostwire/model/schema';
import type { Logger } from '@hostwire/service';
import { decodeJson } from '@hostwire/transport';
import type { AgentConfig } from '../agent-config.ts';
import { type AppliedConfig, applyConfig, type Settings } from './apply-config.ts';
import { KeptConfig } from './kept-config.ts';

export interface RemoteConfigOptions {
  readonly own: AgentConfig;
  readonly host: string;
  /** Of this host. */
  readonly topic: string;
  /** Where the last one is kept; null: nowhere. */
  readonly folder: string | null;
  readonly logger: Logger;
}

const MAX_BYTES = 64 * 1024;

/** What the server sets on this agent, and what becomes of it. Nothing of a message is believed: all is checked here again. */
export class RemoteConfigs {
  readonly #options: RemoteConfigOptions;
  readonly #kept: KeptConfig;
  #sent: RemoteConfig = {};
  #state: AppliedConfig;
  #unreadable = 0;
  #toldOfUnreadable = false;

  private constructor(options: RemoteConfigOptions, kept: KeptConfig) {
    this.#options = options;
    this.#kept = kept;
    this.#state = applyConfig(options.own, {});
  }

  /** Begins with what was kept; what cannot be used of that is said, and left. Never rejects. */
  static async open(options: RemoteConfigOptions): Promise<RemoteConfigs> {
    const { folder, topic, logger } = options;
    const kept = new KeptConfig(folder, topic);
    const configs = new RemoteConfigs(options, kept);
    try {
      const config = await kept.read();
      if (config !== null) configs.#apply(config, 'the configuration that the server sent last');
    } catch (error) {
      configs.#unreadable++;
      logger.warn({ err: error }, `a kept remote configuration is left out: ${(error as Error).message}; the server sends it again`);
    }
    return configs;
  }

  get settings(): Settings {
    return this.#state.settings;
  }

  /** For `info`; undefined while nothing was set and nothing went wrong. */
  get report(): ConfigReport | undefined {
    if (Object.keys(this.#sent).length === 0 && this.#unreadable === 0) return undefined;
    const { applied, refused } = this.#state;
    return { hash: contentHash(this.#sent), applied, refused, unreadable: this.#unreadable };
  }

  /** Takes a message of the server; an empty one takes back what it set. True if settings or report are others now. */
  receive(topic: string, payload: Uint8Array): boolean {
    const config = this.#decode(topic, payload);
    if (config === null) {
      this.#unreadable++;
      if (!this.#toldOfUnreadable) {
        this.#options.logger.warn(
          { topic, bytes: payload.length },
          'a remote configuration could not be read, or is not for this host: what was set before holds',
        );
      }
      this.#toldOfUnreadable = true;
      return true;
    }
    this.#toldOfUnreadable = false;
    if (contentHash(config) === contentHash(this.#sent)) return false;
    this.#apply(config, 'the configuration that the server sends');
    const isSet = Object.keys(config).length > 0;
    this.#kept.write(isSet ? config : null).catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'a remote configuration was not kept: until it comes again a restart goes without it');
    });
    return true;
  }

  /** Resolves when what was received is kept. */
  close(): Promise<void> {
    return this.#kept.settled();
  }

  #apply(config: RemoteConfig, what: string): void {
    const { own, logger } = this.#options;
    this.#sent = config;
    this.#state = applyConfig(own, config);
    const { applied, refused } = this.#state;
    logger.info({ applied }, applied.length === 0 ? `nothing of ${what} applies here` : `${what} holds for ${applied.join(', ')}`);
    if (refused.length > 0) {
      logger.warn({ refused }, `parts of ${what} are refused: ${refused.map(({ reason }) => reason).join('; ')}`);
    }
  }

  /** Null if it is no configuration, or one of another host. */
  #decode(topic: string, payload: Uint8Array): RemoteConfig | null {
    if (topic !== this.#options.topic) return null;
    if (payload.length === 0) return {};
    try {
      const message = decodeJson(payload, MAX_BYTES);
      return configCheck.Check(message) && message.host === this.#options.host ? (message as ConfigMessage).config : null;
    } catch {
      return null;
    }
  }
}
