/**
 * A message, a call, or a change of their status is one message. https://www.twilio.com/docs/messaging/guides/webhook-request
 * Every request about a call has its status.
 */
import { asOne } from './delivery.js';
import { readForm } from './form.js';
import { firstText } from './json.js';

export const twilio = asOne(({ body }) => {
  const form = readForm(body);
  const sid = firstText(form.get('MessageSid'), form.get('CallSid'));
  const status = firstText(form.get('MessageStatus'), form.get('CallStatus'));
  return {
    id: sid === undefined || status === undefined ? sid : `${sid}:${status}`,
    from: form.get('From'),
    to: form.get('To'),
    text: form.get('Body') ?? [status, form.get('ErrorCode')].filter((part) => part !== undefined).join(' '),
  };
});
