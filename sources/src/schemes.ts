/** Every scheme. A new one is a file in schemes/, a name in source.ts, and a line here. */
import { discord } from './schemes/discord.js';
import { generic } from './schemes/generic.js';
import { github } from './schemes/github.js';
import { linear } from './schemes/linear.js';
import { lyftr } from './schemes/lyftr.js';
import { meta } from './schemes/meta.js';
import { paddle } from './schemes/paddle.js';
import { sendgrid } from './schemes/sendgrid.js';
import { shopify } from './schemes/shopify.js';
import { slack } from './schemes/slack.js';
import { square } from './schemes/square.js';
import { standardWebhooks } from './schemes/standard-webhooks.js';
import { stripe } from './schemes/stripe.js';
import { token } from './schemes/token.js';
import { twilio } from './schemes/twilio.js';
import { zoom } from './schemes/zoom.js';
import type { Scheme, SchemeName } from './source.js';

export const SCHEMES: Readonly<Record<SchemeName, Scheme>> = {
  lyftr,
  'standard-webhooks': standardWebhooks,
  github,
  meta,
  stripe,
  slack,
  shopify,
  paddle,
  linear,
  square,
  twilio,
  zoom,
  discord,
  sendgrid,
  token,
  generic,
};
