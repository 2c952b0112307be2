/** An event of Stripe is one message. https://docs.stripe.com/api/events/object */
import { asOne } from './delivery.js';
import { at, firstText, readJson } from './json.js';
import { readSeconds } from './time.js';

export const stripe = asOne(({ body }) => {
  const event = readJson(body);
  const about = at(event, 'data', 'object');
  const type = firstText(at(event, 'type'));
  const description = firstText(at(about, 'description'));
  const customer = at(about, 'customer');
  return {
    id: firstText(at(event, 'id')),
    from: firstText(customer, at(customer, 'id'), at(event, 'account'), 'stripe'),
    // a thin event names its object, and a balance has no id
    to: firstText(at(about, 'id'), at(event, 'related_object', 'id'), at(about, 'object')),
    ts: readSeconds(at(event, 'created')),
    text: description === undefined ? type : `${type ?? ''}: ${description}`,
  };
});
