/** The providers whose sources `lyftr sources init` writes. docs/providers has a page for each. */
import { RELOAD, type Provider } from './provider.js';
import { GENERIC_PROVIDERS } from './providers-generic.js';

export const PROVIDERS: Readonly<Record<string, Provider>> = {
  whatsapp: {
    title: 'WhatsApp (Meta)',
    members: () => ({ scheme: 'meta' }),
    isSecretChosen: false,
    hasVerifyToken: true,
    steps: [
      'At developers.facebook.com, open your app. Copy the app secret (App settings > Basic) into {secret}.',
      RELOAD,
      'Open WhatsApp > Configuration > Webhook > Edit. Callback URL: {address}. Verify token: the text in {token}.',
      'Subscribe to the field "messages".',
    ],
  },
  github: {
    title: 'GitHub',
    members: () => ({ scheme: 'github' }),
    isSecretChosen: true,
    steps: [
      RELOAD,
      'In the repository or organization, open Settings > Webhooks > Add webhook. Payload URL: {address}. Content type: application/json. Secret: the text in {secret}.',
      'Choose the events. GitHub sends a ping at once.',
    ],
  },
  stripe: {
    title: 'Stripe',
    members: () => ({ scheme: 'stripe' }),
    isSecretChosen: false,
    steps: [
      'In the dashboard, open Developers > Webhooks and add an endpoint. Endpoint URL: {address}. Choose the events.',
      'Copy the signing secret of the endpoint (whsec_…) into {secret}.',
      RELOAD,
    ],
  },
  slack: {
    title: 'Slack',
    members: () => ({ scheme: 'slack' }),
    isSecretChosen: false,
    steps: [
      'At api.slack.com/apps, open your app. Copy the signing secret (Basic Information > App Credentials) into {secret}.',
      RELOAD,
      'Open Event Subscriptions. Request URL: {address}. Slash commands and interactivity can have the same URL.',
    ],
  },
  shopify: {
    title: 'Shopify',
    members: () => ({ scheme: 'shopify' }),
    isSecretChosen: false,
    steps: [
      'For the webhooks of an app, copy the client secret of the app into {secret}. For those of a shop, copy the key that Settings > Notifications > Webhooks shows.',
      RELOAD,
      'Add the webhooks. URL: {address}. Format: JSON.',
    ],
  },
  twilio: {
    title: 'Twilio',
    members: (url) => ({ scheme: 'twilio', url }),
    isSecretChosen: false,
    steps: [
      'In the console, copy the auth token (Account Info) into {secret}.',
      RELOAD,
      'Open Phone Numbers > your number. A message comes in: Webhook, {address}, HTTP POST. The address must be exactly the "url" of the source.',
    ],
  },
  paddle: {
    title: 'Paddle',
    members: () => ({ scheme: 'paddle' }),
    isSecretChosen: false,
    steps: [
      'Open Developer Tools > Notifications > New destination. Type: webhook. URL: {address}. Choose the events.',
      'Edit the destination and copy its secret key (pdl_ntfset_…) into {secret}.',
      RELOAD,
    ],
  },
  linear: {
    title: 'Linear',
    members: () => ({ scheme: 'linear' }),
    isSecretChosen: false,
    steps: [
      'Open Settings > API > Webhooks > New webhook. URL: {address}. Choose the events.',
      'Copy the signing secret of the webhook (lin_wh_…) into {secret}.',
      RELOAD,
    ],
  },
  square: {
    title: 'Square',
    members: (url) => ({ scheme: 'square', url }),
    isSecretChosen: false,
    steps: [
      'In the developer console, open your application > Webhooks > Subscriptions > Add subscription. URL: {address}. It must be exactly the "url" of the source.',
      'Copy the signature key of the subscription into {secret}.',
      RELOAD,
    ],
  },
  zoom: {
    title: 'Zoom',
    members: () => ({ scheme: 'zoom' }),
    isSecretChosen: false,
    steps: [
      'At marketplace.zoom.us, open Manage > your app > Features > Access. Copy the secret token into {secret}.',
      RELOAD,
      'Add an event subscription. Event notification endpoint URL: {address}. Press Validate.',
    ],
  },
  discord: {
    title: 'Discord',
    members: () => ({ scheme: 'discord' }),
    isSecretChosen: false,
    steps: [
      'In the developer portal, open your application. Copy the public key (General Information) into {secret}.',
      RELOAD,
      'Open Webhooks. Endpoint URL: {address}. Switch the events on and choose them.',
    ],
  },
  sendgrid: {
    title: 'SendGrid',
    members: () => ({ scheme: 'sendgrid' }),
    isSecretChosen: false,
    steps: [
      'Open Settings > Mail Settings > Event Webhooks > Create. Post URL: {address}. Switch on Signed Event Webhook.',
      'Copy the verification key into {secret}.',
      RELOAD,
    ],
  },
  gitlab: {
    title: 'GitLab',
    members: () => ({
      scheme: 'token',
      token: { header: 'X-Gitlab-Token' },
      dedup: { header: 'Idempotency-Key' },
      headers: ['X-Gitlab-Event'],
    }),
    isSecretChosen: true,
    steps: [
      RELOAD,
      'In the project or group, open Settings > Webhooks > Add new webhook. URL: {address}. Secret token: the text in {secret}.',
      'Choose the triggers.',
    ],
  },
  telegram: {
    title: 'Telegram',
    members: () => ({
      scheme: 'token',
      token: { header: 'X-Telegram-Bot-Api-Secret-Token' },
      dedup: { body: '/update_id' },
    }),
    isSecretChosen: true,
    steps: [
      RELOAD,
      'Run: curl -F url={address} -F secret_token="$(cat {secret})" "https://api.telegram.org/bot$BOT_TOKEN/setWebhook"',
    ],
  },
  'standard-webhooks': {
    title: 'Standard Webhooks (Svix)',
    members: () => ({ scheme: 'standard-webhooks' }),
    isSecretChosen: false,
    steps: [
      'At the provider, add an endpoint. URL: {address}.',
      'Copy the signing secret of the endpoint (whsec_…), or its public key (whpk_…), into {secret}.',
      RELOAD,
    ],
  },
  ...GENERIC_PROVIDERS,
};
