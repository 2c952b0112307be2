/** Providers whose signatures the scheme `generic` describes. */
import { RELOAD, type Provider } from './provider.js';

export const GENERIC_PROVIDERS: Readonly<Record<string, Provider>> = {
  zendesk: {
    title: 'Zendesk',
    members: () => ({
      scheme: 'generic',
      signature: {
        header: 'X-Zendesk-Webhook-Signature',
        algorithm: 'sha256',
        encoding: 'base64',
        key: 'utf8',
        signed: '{timestamp}{body}',
        timestamp: { header: 'X-Zendesk-Webhook-Signature-Timestamp', unit: 'iso' },
      },
      dedup: { body: '/id' },
      mapping: {
        jsonata:
          "{ 'id': body.id, 'from': body.account_id, 'to': body.subject, 'ts': body.time, 'text': body.type }",
      },
    }),
    isSecretChosen: false,
    steps: [
      'In the Admin Center, open Apps and integrations > Webhooks > Create webhook > Zendesk events. Endpoint URL: {address}. Method: POST. Format: JSON.',
      'Copy the signing secret of the webhook (Reveal secret) into {secret}.',
      RELOAD,
    ],
  },
  hubspot: {
    title: 'HubSpot',
    members: (url) => ({
      scheme: 'generic',
      url,
      signature: {
        header: 'X-HubSpot-Signature-v3',
        algorithm: 'sha256',
        encoding: 'base64',
        key: 'utf8',
        signed: '{method}{url}{body}{timestamp}',
        timestamp: { header: 'X-HubSpot-Request-Timestamp', unit: 'ms' },
      },
    }),
    isSecretChosen: false,
    steps: [
      'Open your app and copy its client secret (Auth) into {secret}.',
      RELOAD,
      'Open Webhooks. Target URL: {address}. It must be exactly the "url" of the source. Add the subscriptions.',
    ],
  },
  intercom: {
    title: 'Intercom',
    members: () => ({
      scheme: 'generic',
      signature: {
        header: 'X-Hub-Signature',
        prefix: 'sha1=',
        algorithm: 'sha1',
        encoding: 'hex',
        key: 'utf8',
      },
      dedup: { body: '/id' },
    }),
    isSecretChosen: false,
    steps: [
      'In the Developer Hub, open your app. Copy the client secret (Basic information) into {secret}.',
      RELOAD,
      'Open Webhooks. Endpoint URL: {address}. Choose the topics.',
    ],
  },
  bitbucket: {
    title: 'Bitbucket',
    members: () => ({
      scheme: 'generic',
      signature: {
        header: 'X-Hub-Signature',
        prefix: 'sha256=',
        algorithm: 'sha256',
        encoding: 'hex',
        key: 'utf8',
      },
      headers: ['X-Event-Key'],
    }),
    isSecretChosen: true,
    steps: [
      RELOAD,
      'In the repository, open Repository settings > Webhooks > Add webhook. URL: {address}. Secret: the text in {secret}.',
      'Choose the triggers.',
    ],
  },
  gitea: {
    title: 'Gitea',
    members: () => ({
      scheme: 'generic',
      signature: { header: 'X-Gitea-Signature', algorithm: 'sha256', encoding: 'hex', key: 'utf8' },
      headers: ['X-Gitea-Event'],
    }),
    isSecretChosen: true,
    steps: [
      RELOAD,
      'In the repository, open Settings > Webhooks > Add webhook > Gitea. Target URL: {address}. POST content type: application/json. Secret: the text in {secret}.',
      'Choose the events.',
    ],
  },
};
