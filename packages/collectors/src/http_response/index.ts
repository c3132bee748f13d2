import type { FieldValue, Row } from '@hostwire/model';
import Type, { type Static } from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import {
  ASKED_AT_ONCE,
  askEach,
  collectorTimeout,
  failureOf,
  isNameFailure,
  oneSeriesEach,
  requestOf,
  resultFields,
  targetsNamed,
  targetsOption,
  targetTimeout,
} from '../targets.ts';
import { milliseconds, RESPONSE_TIME, responseTime, TIMINGS } from '../timings.ts';
import { seriesOf, serverOf } from './url.ts';

const Target = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://[^/?#@\\s]+([/?][!-~]*)?$',
      maxLength: 2000,
      allowed: 'http:// or https:// and a host, without user and password: what is probed is seen by whoever sees the dashboard',
      description: 'What is asked for. Its query is sent, and is no part of the tag `server`',
    }),
    name: Type.String({ default: '', maxLength: 200, description: 'Tag `server`, if it is not to be the URL without its query' }),
    method: Type.Union([Type.Literal('GET'), Type.Literal('HEAD')], { default: 'GET', description: 'GET or HEAD' }),
    expect_status: Type.Integer({ minimum: 0, maximum: 599, default: 0, description: 'The status that is right; 0: any below 400' }),
    expect_text: Type.String({ maxLength: 1000, default: '', description: 'Text that must stand in the body; empty: it is not looked at' }),
    insecure: Type.Boolean({ default: false, description: 'Take a certificate that is not trusted too' }),
    timeout_seconds: targetTimeout,
  },
  { additionalProperties: false },
);
type Target = Static<typeof Target>;

/** Of a body that is looked at; any other is discarded as it comes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Codes of Telegraf's plugin. */
const results = resultFields({
  success: 0,
  response_string_mismatch: 1,
  body_read_error: 2,
  connection_failed: 3,
  timeout: 4,
  dns_error: 5,
  response_status_code_mismatch: 6,
});

export const httpResponse = defineCollector({
  name: 'http_response',
  tier: 'medium',
  help: 'Web pages and APIs: whether they answer as they should, and how long the parts of that take.',
  measurements: {
    http_response: {
      help: 'One answer, or why there was none.',
      tags: { server: 'URL without its query, or the name of the target', method: 'GET or HEAD' },
      fields: {
        ...results.declaration,
        error: state('string', 'Why there was no answer: ECONNREFUSED, CERT_HAS_EXPIRED, ...'),
        status_code: state('string', 'HTTP status, as text'),
        http_response_code: state('int', 'HTTP status'),
        response_status_code_match: state('int', '1: the status is that of `expect_status`; only if that is set'),
        response_string_match: state('int', '1: the body holds `expect_text`; only if that is set'),
        content_length: gauge('int', 'bytes', 'Bytes of the body; only if `expect_text` is set'),
        ...RESPONSE_TIME,
        ...TIMINGS,
      },
    },
  },
  options: Type.Object({
    targets: targetsOption(Target, 'What is asked, at most 64'),
    timeout_seconds: collectorTimeout,
  }),
  async probe(_access, { targets }) {
    const named = targetsNamed('http_response', targets, '{ url = "https://example.org/" }');
    return named.available ? oneSeriesEach(targets, seriesOf) : named;
  },
  async collect(context) {
    const rows = await askEach(context, context.options.targets, ASKED_AT_ONCE, (target) => askOne(context, target));
    return { http_response: rows };
  },
});

async function askOne({ access, signal }: CollectContext, target: Target): Promise<Row> {
  const { url, method, insecure, expect_text: text, expect_status: wanted } = target;
  const tags = { server: serverOf(target), method };
  try {
    const answer = await access.request(
      // The body is nobody's business but where it is looked at.
      {
        ...requestOf(url),
        method,
        timings: true,
        insecure,
        confidential: true,
        ...(text === '' ? { keep: [] } : { maxBytes: MAX_BODY_BYTES }),
      },
      { signal, timeout: milliseconds(target.timeout_seconds) },
    );
    const { status, body, timings } = answer;
    const right = wanted === 0 ? status < 400 : status === wanted;
    const found = text === '' || body.includes(text);
    const fields: Record<string, FieldValue> = {
      status_code: String(status),
      http_response_code: status,
      ...responseTime(timings),
    };
    if (wanted !== 0) fields['response_status_code_match'] = right ? 1 : 0;
    if (text !== '') {
      fields['response_string_match'] = found ? 1 : 0;
      fields['content_length'] = Buffer.byteLength(body);
    }
    return {
      tags,
      fields: { ...results.of(!right ? 'response_status_code_mismatch' : found ? 'success' : 'response_string_mismatch'), ...fields },
    };
  } catch (error) {
    const code = failureOf(error);
    return { tags, fields: { ...results.of(resultOf(code)), error: code } };
  }
}

function resultOf(code: string) {
  if (code === 'timeout') return 'timeout';
  if (code === 'too-large') return 'body_read_error';
  return isNameFailure(code) ? 'dns_error' : 'connection_failed';
}
