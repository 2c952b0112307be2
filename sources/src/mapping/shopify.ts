/** A webhook of Shopify is one message. What it is about stands in headers. https://shopify.dev/docs/api/webhooks */
import { asOne, header } from './delivery.js';
import { at, firstText, readJson } from './json.js';
import { readSeconds } from './time.js';

export const shopify = asOne((delivery) => {
  const topic = header(delivery, 'x-shopify-topic', 'shopify-topic');
  const about = readJson(delivery.body);
  const names = [firstText(at(about, 'name'), at(about, 'title')), firstText(at(about, 'email'))];
  const what = names.filter((name) => name !== undefined).join(', ');
  return {
    id: delivery.id,
    from: header(delivery, 'x-shopify-shop-domain', 'shopify-shop-domain'),
    to: firstText(at(about, 'admin_graphql_api_id'), at(about, 'id'), topic),
    ts: readSeconds(at(about, 'updated_at')) ?? readSeconds(at(about, 'created_at')),
    text: [topic, what].filter((part) => part !== undefined && part !== '').join(': '),
  };
});
